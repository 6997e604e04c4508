use gancho_store::StoreError;

/// Why a request was rejected. Nothing of it was stored.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IntakeError {
    /// The id or key was used for something else.
    #[error("{key} was used before for another body: give the new one another id")]
    Conflict {
        /// The id or key.
        key: String,
    },
    /// An event's body exceeds the limit.
    #[error("the event is {bytes} bytes long; the limit is {limit}")]
    TooLarge {
        /// The index of the event in the request, from 0.
        place: usize,
        /// Its size.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
