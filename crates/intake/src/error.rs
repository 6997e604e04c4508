use gancho_store::StoreError;

/// Why a request was not taken in. Nothing of it was kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IntakeError {
    /// The same name for something else.
    #[error("{key} was used before for another body: give what is new a name of its own")]
    Conflict {
        /// Which name.
        key: String,
    },
    /// An event's body would be over the limit.
    #[error("the event is {bytes} bytes long; the limit is {limit}")]
    TooLarge {
        /// Which event of the request, counted from 0.
        place: usize,
        /// Its size.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// The store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
}
