use gancho_service::job::JobProgress;
use serde::Serialize;
use utoipa::ToSchema;

/// How far a piece of work is, in numbers that were counted.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct JobView {
    /// `running`, `done`, `broken` (something was in its way) or `interrupted` (Gancho was restarted).
    state: &'static str,
    /// How much there is to send; null while nobody knows.
    total: Option<u64>,
    /// How much was put on its way.
    sent: u64,
    /// How much of it arrived.
    delivered: u64,
    /// How much failed or was cancelled.
    failed: u64,
    /// How much waits.
    waiting: u64,
    /// How long the rest will take at the pace so far, milliseconds; null where that can't be said.
    left_ms: Option<i64>,
    /// When it began.
    began_at: String,
    /// Whether `POST …/job/continue` lets it go on from where it ended.
    can_continue: bool,
}

impl JobView {
    pub fn new(progress: &JobProgress) -> Self {
        let JobProgress { job, counts, left_ms } = progress;
        Self {
            state: job.state.as_str(),
            total: progress.total(),
            sent: job.sent,
            delivered: counts.delivered,
            failed: counts.failed,
            waiting: counts.waiting,
            left_ms: left_ms.filter(|_| progress.is_going_on()),
            began_at: job.began_at.to_string(),
            can_continue: progress.can_continue(),
        }
    }
}
