use async_trait::async_trait;
use gancho_model::Timestamp;

use crate::StoreError;

/// Long work that sends many deliveries again.
#[async_trait]
pub trait Jobs: Send + Sync {
    /// Begins one about something: an endpoint's id, or another name. `total` is what was counted before. Returns its
    /// number.
    async fn begin_job(&self, about: &str, total: u64, now: Timestamp) -> Result<u64, StoreError>;

    /// Ends one.
    async fn end_job(&self, job: u64, state: JobState, now: Timestamp) -> Result<(), StoreError>;

    /// The last one about something, with what became of its deliveries so far.
    async fn last_job(&self, about: &str) -> Result<Option<(Job, JobCounts)>, StoreError>;
}

/// How far a piece of work is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobState {
    /// It goes on.
    Running,
    /// It came to its end.
    Done,
    /// Something was in its way.
    Broken,
    /// Its process ended before it did.
    Interrupted,
}

/// A piece of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Job {
    /// How much there was to send, as counted before.
    pub total: u64,
    /// How much was put on its way.
    pub sent: u64,
    /// How far it is.
    pub state: JobState,
    /// When it began.
    pub began_at: Timestamp,
}

/// What became of the deliveries of a piece of work. One that was sent again by a later one counts there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JobCounts {
    /// They arrived.
    pub delivered: u64,
    /// They failed again, or were cancelled.
    pub failed: u64,
    /// They wait.
    pub waiting: u64,
}
