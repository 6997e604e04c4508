//! Handles every event once, even if it arrives several times.
//!
//! Delivery is at least once: if a response is lost, the event is sent again with the same id. An inbox stores the ids.

mod memory;
#[cfg(feature = "sqlite")]
mod sqlite;

pub use memory::MemoryInbox;
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteInbox;

/// How long a handler may take before another delivery of the event may retry, in seconds.
pub const CLAIM_S: i64 = 60;
/// How long handled ids are stored, in seconds: as long as Gancho keeps events.
pub const REMEMBER_S: i64 = 30 * 24 * 3600;

/// The state of an id in an inbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// It is claimed for you: handle it, then finish or release it.
    New,
    /// Another request is handling it now.
    Busy,
    /// It was handled.
    Done,
}

/// Stores the ids of handled events. Times are Unix seconds.
pub trait Inbox {
    /// The error of the storage.
    type Error;
    /// Claims an id for handling. A claim older than [`CLAIM_S`] may be taken over.
    ///
    /// # Errors
    /// If the inbox can't be read or written.
    fn claim(&self, id: &str, now_s: i64) -> Result<Claim, Self::Error>;
    /// Marks the id as handled.
    ///
    /// # Errors
    /// If the inbox can't be written.
    fn finish(&self, id: &str, now_s: i64) -> Result<(), Self::Error>;
    /// Releases a claim after a failure, so that the next delivery retries.
    ///
    /// # Errors
    /// If the inbox can't be written.
    fn release(&self, id: &str) -> Result<(), Self::Error>;
}

/// The result of [`once`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Once<T> {
    /// The handler ran: answer 2xx.
    Handled(T),
    /// It was handled before: answer 2xx, do nothing.
    Repeat,
    /// Another request is handling it: answer 409 or 503, and it is sent again.
    Busy,
}

/// Why [`once`] failed.
#[derive(Debug, thiserror::Error)]
pub enum OnceError<I, H> {
    /// The inbox failed; nothing was handled.
    #[error("the inbox failed: {0}")]
    Inbox(I),
    /// The handler failed; the next delivery retries.
    #[error("the handler failed: {0}")]
    Handler(H),
    /// The handler succeeded, but the inbox could not store the id: the handler will run again.
    #[error("handled, but the inbox could not record it: {0}")]
    Unrecorded(I),
}

/// Runs the handler, unless this id was handled already or is being handled now.
///
/// # Errors
/// [`OnceError`] states which side failed. Answer 5xx, and the event is sent again.
pub fn once<I: Inbox, T, E>(
    inbox: &I,
    id: &str,
    now_s: i64,
    handler: impl FnOnce() -> Result<T, E>,
) -> Result<Once<T>, OnceError<I::Error, E>> {
    match inbox.claim(id, now_s).map_err(OnceError::Inbox)? {
        Claim::Done => return Ok(Once::Repeat),
        Claim::Busy => return Ok(Once::Busy),
        Claim::New => {}
    }
    match handler() {
        Ok(value) => {
            inbox.finish(id, now_s).map_err(OnceError::Unrecorded)?;
            Ok(Once::Handled(value))
        }
        Err(error) => {
            inbox.release(id).map_err(OnceError::Inbox)?;
            Err(OnceError::Handler(error))
        }
    }
}
