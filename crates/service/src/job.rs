//! Long work that goes on when its page is left: sending many things again.

use std::sync::Arc;

use gancho_store::{Job, JobCounts, JobState, NewJob, StoreError};

use crate::{ServiceResult, Services};

/// What work about many deliveries is about.
pub const DELIVERIES: &str = "deliveries";

/// How far a piece of work is, in numbers that were counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobProgress {
    /// The work.
    pub job: Job,
    /// What became of its deliveries.
    pub counts: JobCounts,
    /// How long the rest will take at the pace so far, milliseconds; nothing before anything ended or it is known how much
    /// there is.
    pub left_ms: Option<i64>,
}

impl JobProgress {
    /// Whether anything may still change.
    pub fn is_going_on(&self) -> bool {
        self.job.state == JobState::Running || self.counts.waiting > 0
    }

    /// Whether it sends existing records, which nobody counts beforehand, and not what was sent before.
    pub fn is_backfill(&self) -> bool {
        self.job.resume.is_some()
    }

    /// How much there is to send; nothing while nobody knows.
    pub fn total(&self) -> Option<u64> {
        let is_known = !self.is_backfill() || self.job.state == JobState::Done;
        is_known.then(|| self.job.total.max(self.job.sent))
    }

    /// Whether it ended before its end and can go on.
    pub fn can_continue(&self) -> bool {
        self.is_backfill() && matches!(self.job.state, JobState::Broken | JobState::Interrupted)
    }
}

impl Services {
    /// The last piece of work about something.
    ///
    /// # Errors
    /// When the store refuses.
    pub async fn job(&self, about: &str) -> ServiceResult<Option<JobProgress>> {
        let found = self.store.last_job(about).await?;
        Ok(found.map(|(job, counts)| {
            let ended = counts.delivered + counts.failed;
            let so_far_ms = self.environment.now().since_ms(job.began_at);
            let mut progress = JobProgress { job, counts, left_ms: None };
            if let Some(total) = progress.total().filter(|_| ended > 0) {
                let left = total.saturating_sub(ended);
                progress.left_ms = Some(so_far_ms.saturating_mul(left.cast_signed()) / ended.cast_signed());
            }
            progress
        }))
    }

    /// Runs a piece of work to its end apart from its page, whatever happens to it. `work` gets the job's number and
    /// sends. Whoever needs to know what became of it may wait.
    pub(crate) async fn run_job<F, T>(
        self: &Arc<Self>,
        job: NewJob,
        work: impl FnOnce(u64) -> F + Send + 'static,
    ) -> ServiceResult<Work<T>>
    where
        F: Future<Output = ServiceResult<T>> + Send + 'static,
        T: Send + 'static,
    {
        let number = self.store.begin_job(job, self.environment.now()).await?;
        Ok(self.carry_out(number, work(number)))
    }

    /// Carries out a piece of work that was begun, and notes its end.
    pub(crate) fn carry_out<T: Send + 'static>(
        self: &Arc<Self>,
        job: u64,
        work: impl Future<Output = ServiceResult<T>> + Send + 'static,
    ) -> Work<T> {
        let (services, work) = (self.clone(), tokio::spawn(work));
        let carried_out = tokio::spawn(async move {
            let done = work.await.unwrap_or_else(|panic| Err(StoreError::Broken(panic.to_string()).into()));
            let state = if done.is_ok() { JobState::Done } else { JobState::Broken };
            if let Err(error) = &done {
                tracing::error!(?error, "what was to be sent could not all be sent");
            }
            if let Err(error) = services.store.end_job(job, state, services.environment.now()).await {
                tracing::error!(%error, "the end of a piece of work can't be noted");
            }
            done
        });
        Work(carried_out)
    }
}

/// A piece of work that goes on by itself, whether anybody waits for it or not.
pub(crate) struct Work<T>(tokio::task::JoinHandle<ServiceResult<T>>);

impl<T> Work<T> {
    /// What became of it.
    pub async fn ended(self) -> ServiceResult<T> {
        self.0.await.unwrap_or_else(|panic| Err(StoreError::Broken(panic.to_string()).into()))
    }
}
