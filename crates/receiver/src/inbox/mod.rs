//! Handling every event once, although it may arrive more often.
//!
//! Delivery is at least once: an answer that gets lost makes the event come again, with the same
//! id. An inbox remembers the ids.

mod memory;
#[cfg(feature = "sqlite")]
mod sqlite;

pub use memory::MemoryInbox;
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteInbox;

/// How long a handler may take before another arrival of the event may try again, in seconds.
pub const CLAIM_S: i64 = 60;
/// How long handled ids are remembered, in seconds: as long as Gancho keeps events.
pub const REMEMBER_S: i64 = 30 * 24 * 3600;

/// What an inbox says of an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// It is yours: handle it, then finish or release it.
    New,
    /// Another request is handling it now.
    Busy,
    /// It was handled.
    Done,
}

/// Where the ids of handled events are kept. Times are Unix seconds.
pub trait Inbox {
    /// What can go wrong in keeping them.
    type Error;
    /// Claims an id for handling. A claim older than [`CLAIM_S`] may be taken over.
    ///
    /// # Errors
    /// When the inbox can't be read or written.
    fn claim(&self, id: &str, now_s: i64) -> Result<Claim, Self::Error>;
    /// Remembers the id as handled.
    ///
    /// # Errors
    /// When the inbox can't be written.
    fn finish(&self, id: &str, now_s: i64) -> Result<(), Self::Error>;
    /// Gives a claim back after a failure, so that the next arrival tries again.
    ///
    /// # Errors
    /// When the inbox can't be written.
    fn release(&self, id: &str) -> Result<(), Self::Error>;
}

/// What [`once`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Once<T> {
    /// The handler ran: answer 2xx.
    Handled(T),
    /// It had been handled before: answer 2xx, do nothing.
    Repeat,
    /// Another request is at it: answer 409 or 503, and it comes again.
    Busy,
}

/// Why [`once`] could not do it.
#[derive(Debug, thiserror::Error)]
pub enum OnceError<I, H> {
    /// The inbox failed; nothing was handled.
    #[error("the inbox failed: {0}")]
    Inbox(I),
    /// The handler failed; the next arrival tries again.
    #[error("the handler failed: {0}")]
    Handler(H),
    /// The handler did its work, but the inbox could not remember it: it will run again.
    #[error("handled, but the inbox could not remember it: {0}")]
    ReferenceUpdate(I),
}

/// Runs the handler, unless this id was handled already or is being handled now.
///
/// # Errors
/// [`OnceError`] says on which side it failed. Answer 5xx, and the event comes again.
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
            inbox.finish(id, now_s).map_err(OnceError::ReferenceUpdate)?;
            Ok(Once::Handled(value))
        }
        Err(error) => {
            inbox.release(id).map_err(OnceError::Inbox)?;
            Err(OnceError::Handler(error))
        }
    }
}
