//! Long work that goes on when its page is left: sending many things again.

use std::sync::Arc;

use gancho_store::{Job, JobCounts, JobState};

use crate::{ServiceResult, Services};

/// What work about many deliveries is about.
pub const DELIVERIES: &str = "deliveries";

/// How far a piece of work is, in numbers that were counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JobProgress {
    /// The work.
    pub job: Job,
    /// What became of its deliveries.
    pub counts: JobCounts,
    /// How long the rest will take at the pace so far, milliseconds; nothing before anything ended.
    pub left_ms: Option<i64>,
}

impl JobProgress {
    /// Whether anything may still change.
    pub fn is_going_on(&self) -> bool {
        self.job.state == JobState::Running || self.counts.waiting > 0
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
            let left = job.total.max(job.sent).saturating_sub(ended);
            let so_far_ms = self.environment.now().since_ms(job.began_at);
            let left_ms = (ended > 0).then(|| so_far_ms.saturating_mul(left.cast_signed()) / ended.cast_signed());
            JobProgress { job, counts, left_ms }
        }))
    }

    /// Runs a piece of work to its end apart from its page, whatever happens to it. `work` gets the job's number and
    /// sends; `total` is what was counted before.
    pub(crate) async fn run_job<F>(
        self: &Arc<Self>,
        about: &str,
        total: u64,
        work: impl FnOnce(u64) -> F + Send + 'static,
    ) -> ServiceResult<()>
    where
        F: Future<Output = ServiceResult<()>> + Send + 'static,
    {
        let job = self.store.begin_job(about, total, self.environment.now()).await?;
        let (services, work) = (self.clone(), tokio::spawn(work(job)));
        tokio::spawn(async move {
            let state = match work.await {
                Ok(Ok(())) => JobState::Done,
                Ok(Err(error)) => {
                    tracing::error!(?error, "what was to be sent again could not all be sent");
                    JobState::Broken
                }
                Err(_) => JobState::Broken,
            };
            if let Err(error) = services.store.end_job(job, state, services.environment.now()).await {
                tracing::error!(%error, "the end of a piece of work can't be noted");
            }
        });
        Ok(())
    }
}
