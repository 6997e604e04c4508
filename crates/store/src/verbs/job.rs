use async_trait::async_trait;
use gancho_model::Timestamp;

use crate::StoreError;

/// Jobs that resend many deliveries.
#[async_trait]
pub trait Jobs: Send + Sync {
    /// Starts a job and returns its number.
    async fn begin_job(&self, job: NewJob, now: Timestamp) -> Result<u64, StoreError>;

    /// Resumes a broken or interrupted job. Returns whether this call did: of two concurrent ones, one is refused.
    async fn continue_job(&self, job: u64) -> Result<bool, StoreError>;

    /// Ends a job.
    async fn end_job(&self, job: u64, state: JobState, now: Timestamp) -> Result<(), StoreError>;

    /// The last job about an object, with the outcomes of its deliveries so far.
    async fn last_job(&self, about: &str) -> Result<Option<(Job, JobCounts)>, StoreError>;
}

/// A job to start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewJob {
    /// Its object: an endpoint's id, or another name.
    pub about: String,
    /// Deliveries to send, as counted before; 0 if unknown.
    pub total: u64,
    /// State to resume from, in the job's own format; `None` if it can't be resumed.
    pub resume: Option<String>,
}

/// A step of a job, committed together with what it sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobStep {
    /// The job's number.
    pub job: u64,
    /// State to resume from after this step.
    pub resume: String,
}

/// The state of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobState {
    /// It goes on.
    Running,
    /// It is finished.
    Done,
    /// It failed.
    Broken,
    /// Its process ended first.
    Interrupted,
}

impl JobState {
    /// Its name in tables and in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Done => "done",
            Self::Broken => "broken",
            Self::Interrupted => "interrupted",
        }
    }

    /// Parses that name; unknown names count as broken.
    pub(crate) fn parse(word: &str) -> Self {
        let all = [Self::Running, Self::Done, Self::Broken, Self::Interrupted];
        all.into_iter().find(|state| state.as_str() == word).unwrap_or(Self::Broken)
    }
}

/// A job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// Its number.
    pub number: u64,
    /// Deliveries to send, as counted before; 0 if unknown.
    pub total: u64,
    /// Deliveries sent so far.
    pub sent: u64,
    /// Its state.
    pub state: JobState,
    /// When it began.
    pub began_at: Timestamp,
    /// State to resume from; `None` if it can't be resumed.
    pub resume: Option<String>,
}

/// Outcomes of a job's deliveries. A delivery resent by a later job counts there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JobCounts {
    /// Delivered.
    pub delivered: u64,
    /// Failed again or cancelled.
    pub failed: u64,
    /// Pending.
    pub waiting: u64,
}
