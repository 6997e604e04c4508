use gancho_model::Message;

/// Why a store method failed. It changed nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The row does not exist.
    #[error("not found")]
    NotFound,
    /// Its state does not allow this, or another writer was first.
    #[error("{0}")]
    Conflict(Message),
    /// The store can't accept it now: the disk or the queue is full, or the database is locked. Try again.
    #[error("the store is busy: {0}")]
    Busy(String),
    /// The store is damaged, or there is a bug.
    #[error("the store failed: {0}")]
    Broken(String),
}
