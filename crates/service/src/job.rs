//! Jobs: resending many deliveries in the background.

use std::{sync::Arc, time::Duration};

use gancho_store::{Job, JobCounts, JobState, NewJob, StoreError};

use crate::{ServiceResult, Services};

/// Delay before the end of a job is stored again.
const END_AGAIN: Duration = Duration::from_secs(1);
/// The object of jobs for arbitrary deliveries.
pub const DELIVERIES: &str = "deliveries";

/// The progress of a job, in counted numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobProgress {
    /// The job.
    pub job: Job,
    /// Outcomes of its deliveries.
    pub counts: JobCounts,
    /// Estimated remaining time at the pace so far, milliseconds; `None` before anything was delivered, or if the total
    /// is unknown.
    pub left_ms: Option<i64>,
}

impl JobProgress {
    /// Whether anything may still change.
    pub fn is_going_on(&self) -> bool {
        self.job.state == JobState::Running || self.counts.waiting > 0
    }

    /// Whether it sends existing records, whose total is not counted beforehand.
    pub fn is_backfill(&self) -> bool {
        self.job.resume.is_some()
    }

    /// The total to send; `None` if unknown.
    pub fn total(&self) -> Option<u64> {
        let is_known = !self.is_backfill() || self.job.state == JobState::Done;
        is_known.then(|| self.job.total.max(self.job.sent))
    }

    /// Whether it stopped early and can be continued.
    pub fn can_continue(&self) -> bool {
        self.is_backfill() && matches!(self.job.state, JobState::Broken | JobState::Interrupted)
    }
}

impl Services {
    /// The last job about an object.
    ///
    /// # Errors
    /// If the store fails.
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

    /// Runs a job in the background, to its end even if the caller leaves. `work` gets the job's number and sends. The
    /// caller may wait for the result.
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

    /// Executes a job that was created, and records its end.
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
                tracing::error!(?error, "a job failed before everything was sent");
            }
            if services.end_job(job, state).await.is_err() {
                // Otherwise it would count as running until the next start.
                tokio::spawn(async move {
                    while services.end_job(job, state).await.is_err() {
                        tokio::time::sleep(END_AGAIN).await;
                    }
                });
            }
            done
        });
        Work(carried_out)
    }

    async fn end_job(&self, job: u64, state: JobState) -> Result<(), StoreError> {
        let ended = self.store.end_job(job, state, self.environment.now()).await;
        ended.inspect_err(|error| tracing::error!(%error, "the end of a job could not be stored; trying again"))
    }
}

/// A job that runs whether or not the caller waits for it.
pub(crate) struct Work<T>(tokio::task::JoinHandle<ServiceResult<T>>);

impl<T> Work<T> {
    /// Its result.
    pub async fn ended(self) -> ServiceResult<T> {
        self.0.await.unwrap_or_else(|panic| Err(StoreError::Broken(panic.to_string()).into()))
    }
}
