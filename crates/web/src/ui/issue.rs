//! Issues, one line each: cause, count, first and last time.

use gancho_model::{EndpointId, ErrorKind, Issue, Message};
use gancho_store::StoreError;

use super::page_context::PageContext;
use crate::App;

/// Age up to which issues are shown, milliseconds.
const SHOWN_MS: i64 = 7 * 24 * 3600 * 1000;

/// An issue as shown.
pub(crate) struct IssueRow {
    /// The last response: a status, or the kind of failure.
    pub answer: String,
    /// The first line of the response.
    pub line: String,
    /// The likely cause and the remedy.
    pub advice: String,
    /// Count, first and last time, in one sentence.
    pub sentence: String,
    /// The path of its last delivery, or of all such deliveries.
    pub link: String,
    pub is_open: bool,
}

/// The issues of one endpoint, or of all, most recent failure first.
pub(crate) async fn read(
    app: &App,
    context: &PageContext,
    endpoint: Option<EndpointId>,
) -> Result<Vec<Issue>, StoreError> {
    app.store.issues(endpoint, context.now.plus_ms(-SHOWN_MS)).await
}

impl IssueRow {
    pub fn new(context: &PageContext, issue: &Issue, is_open: bool, failed_now: u64) -> Self {
        let words = &context.words;
        let cause = &issue.cause;
        let last = words.ago(issue.last_at, context.now);
        let failed = Message::new("issue-failed").with("count", issue.lost(failed_now));
        // A closed issue ended with its last failure.
        let end = if is_open { context.now } else { issue.last_at };
        let sentence = Message::new("issue-sentence")
            .with("count", issue.attempts)
            .with("failed", failed)
            .with("span", words.span(end.since_ms(issue.first_at)))
            .with("last", last.as_str());
        Self {
            answer: answer(context, issue),
            line: cause.line.clone(),
            advice: words.why(cause.status, Some(cause.error)),
            sentence: words.message(&sentence),
            link: link(issue),
            is_open,
        }
    }
}

fn answer(context: &PageContext, issue: &Issue) -> String {
    match issue.cause.status {
        Some(status) => status.to_string(),
        None => context.words.get(&format!("error-kind-{}", issue.cause.error.as_str())),
    }
}

/// The link to its last delivery, or to all deliveries that failed in the same way.
fn link(issue: &Issue) -> String {
    if let Some(delivery) = issue.last_delivery {
        return format!("/deliveries/{delivery}");
    }
    let answer = match (issue.cause.status, issue.cause.error) {
        (Some(status), ErrorKind::Status) => format!("{}xx", status / 100),
        (_, kind) => kind.as_str().to_owned(),
    };
    format!("/deliveries?endpoint={}&answer={answer}", issue.endpoint)
}
