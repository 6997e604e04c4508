use gancho_service::job::JobProgress;
use serde::Serialize;
use utoipa::ToSchema;

/// The progress of a job, in counted numbers.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct JobView {
    /// `running`, `done`, `broken` (it failed) or `interrupted` (Gancho was restarted).
    state: &'static str,
    /// Deliveries to send; null if unknown.
    total: Option<u64>,
    /// Deliveries sent so far.
    sent: u64,
    /// Delivered.
    delivered: u64,
    /// Failed or cancelled.
    failed: u64,
    /// Pending.
    waiting: u64,
    /// Estimated remaining time at the pace so far, milliseconds; null if unknown.
    left_ms: Option<i64>,
    /// When it began.
    began_at: String,
    /// Whether `POST …/job/continue` can continue it.
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
