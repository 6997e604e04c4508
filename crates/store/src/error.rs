use gancho_model::Message;

/// Why a verb did not do what it says. Nothing is half done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// There is no such thing.
    #[error("not found")]
    NotFound,
    /// It is not in a state for this, or somebody else was first.
    #[error("{0}")]
    Conflict(Message),
    /// The store can't take it now: the disk is full, the queue is, the database is locked. Try again.
    #[error("the store is busy: {0}")]
    Busy(String),
    /// The store is damaged, or its program wrong.
    #[error("the store failed: {0}")]
    Broken(String),
}
