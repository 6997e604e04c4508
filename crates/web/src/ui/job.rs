//! The progress of a job, in counted numbers.

use gancho_model::Message;
use gancho_service::job::JobProgress;
use gancho_store::JobState;

use super::page_context::PageContext;
use crate::{App, api::problem::Answer};

/// How long an ended job is still shown, milliseconds.
const SHOWN_MS: i64 = 24 * 3600 * 1000;

/// Progress as shown.
pub(crate) struct JobView {
    pub colour: &'static str,
    pub text: String,
    /// Ended deliveries of the total.
    pub ended: u64,
    pub total: u64,
    pub is_going_on: bool,
    /// Whether the total is known.
    pub is_counted: bool,
    /// Whether it stopped early and can be continued.
    pub can_continue: bool,
    /// The endpoint, or its other object.
    pub about: String,
}

/// The last job about an object, if it is running or ended recently.
pub(crate) async fn read(app: &App, context: &PageContext, about: &str) -> Answer<Option<JobView>> {
    let found = app.services.job(about).await?;
    let recent = |found: &JobProgress| found.is_going_on() || context.now.since_ms(found.job.began_at) < SHOWN_MS;
    Ok(found.filter(recent).map(|found| view(context, &found, about)))
}

fn view(context: &PageContext, progress: &JobProgress, about: &str) -> JobView {
    let JobProgress { job, counts, left_ms } = progress;
    let words = &context.words;
    let left = left_ms
        .filter(|_| progress.is_going_on())
        .map(|ms| words.message(&Message::new("job-left").with("span", words.span(ms))));
    let total = progress.total().unwrap_or(job.sent);
    let message = Message::new(sentence(progress))
        .with("sent", job.sent)
        .with("total", total)
        .with("delivered", counts.delivered)
        .with("failed", counts.failed)
        .with("waiting", counts.waiting)
        .with("left", left.unwrap_or_default());
    JobView {
        colour: match job.state {
            JobState::Broken | JobState::Interrupted => "bad",
            _ if progress.is_going_on() => "busy",
            _ if counts.failed > 0 => "warn",
            _ => "good",
        },
        text: words.message(&message),
        ended: counts.delivered + counts.failed,
        total,
        is_going_on: progress.is_going_on(),
        is_counted: progress.total().is_some(),
        can_continue: progress.can_continue(),
        about: about.to_owned(),
    }
}

fn sentence(progress: &JobProgress) -> &'static str {
    let (resend, backfill) = match progress.job.state {
        JobState::Broken => ("job-broken", "backfill-broken"),
        JobState::Interrupted => ("job-interrupted", "backfill-interrupted"),
        JobState::Running => ("job-running", "backfill-running"),
        JobState::Done if progress.is_going_on() => ("job-running", "backfill-sending"),
        JobState::Done => ("job-ended", "backfill-ended"),
    };
    if progress.is_backfill() { backfill } else { resend }
}
