use async_trait::async_trait;
use gancho_model::Timestamp;

use crate::StoreError;

/// Long work that sends many deliveries again.
#[async_trait]
pub trait Jobs: Send + Sync {
    /// Begins one, and returns its number.
    async fn begin_job(&self, job: NewJob, now: Timestamp) -> Result<u64, StoreError>;

    /// Lets one that was broken or interrupted go on. Says whether it does: of two who ask at once, one is refused.
    async fn continue_job(&self, job: u64) -> Result<bool, StoreError>;

    /// Ends one.
    async fn end_job(&self, job: u64, state: JobState, now: Timestamp) -> Result<(), StoreError>;

    /// The last one about something, with what became of its deliveries so far.
    async fn last_job(&self, about: &str) -> Result<Option<(Job, JobCounts)>, StoreError>;
}

/// A piece of work that begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewJob {
    /// What it is about: an endpoint's id, or another name.
    pub about: String,
    /// How much there is to send, as counted before; 0 where nobody can count it.
    pub total: u64,
    /// How it goes on where it ends before its end, as its author wrote it; nothing for work that can't.
    pub resume: Option<String>,
}

/// A step of a piece of work, kept together with what it sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobStep {
    /// The work.
    pub job: u64,
    /// How it goes on after this step.
    pub resume: String,
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

impl JobState {
    /// The word in tables and in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Done => "done",
            Self::Broken => "broken",
            Self::Interrupted => "interrupted",
        }
    }

    /// Reads that word; what is none was broken.
    pub(crate) fn parse(word: &str) -> Self {
        let all = [Self::Running, Self::Done, Self::Broken, Self::Interrupted];
        all.into_iter().find(|state| state.as_str() == word).unwrap_or(Self::Broken)
    }
}

/// A piece of work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// Its number.
    pub number: u64,
    /// How much there was to send, as counted before; 0 where nobody could count it.
    pub total: u64,
    /// How much was put on its way.
    pub sent: u64,
    /// How far it is.
    pub state: JobState,
    /// When it began.
    pub began_at: Timestamp,
    /// How it goes on where it ends before its end; nothing for work that can't.
    pub resume: Option<String>,
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
