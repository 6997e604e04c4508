//! What came back from a webhook that fails, before anything else on its page: nobody should have to look for it.

use gancho_model::{Attempt, Delivery, Endpoint};
use gancho_store::StoreError;

use crate::{
    App,
    ui::{page_context::PageContext, say},
};

/// Of an answer so many lines and characters are shown; all of it stands on the delivery's page.
const LINES: usize = 6;
const CHARACTERS: usize = 600;

/// The last failed attempt of a webhook that fails.
pub(super) struct Evidence {
    /// The delivery, with all of its attempts.
    pub delivery: String,
    /// What was sent: the document, in words.
    pub title: String,
    /// When, in words.
    pub at: String,
    /// The likely cause, and what to do.
    pub advice: String,
    /// What went wrong below HTTP, as the computers say it; empty where an answer came.
    pub message: String,
    /// The first lines of what came back.
    pub body: String,
}

/// Reads it; nothing of a webhook whose last attempt arrived, or where the delivery was deleted since.
pub(super) async fn read(
    app: &App,
    context: &PageContext,
    endpoint: &Endpoint,
) -> Result<Option<Evidence>, StoreError> {
    let Some(id) = endpoint.health.last_failed else { return Ok(None) };
    match app.store.delivery(id).await {
        Ok((delivery, attempts)) => {
            let last = attempts.iter().rev().find(|attempt| attempt.error.is_some());
            Ok(last.map(|last| evidence(context, &delivery, last)))
        }
        Err(StoreError::NotFound) => Ok(None),
        Err(error) => Err(error),
    }
}

fn evidence(context: &PageContext, delivery: &Delivery, last: &Attempt) -> Evidence {
    let words = &context.words;
    let error = last.error.as_ref();
    Evidence {
        delivery: delivery.id.to_string(),
        title: say::event(words, &delivery.event, delivery.label.as_deref()),
        at: words.ago(last.at, context.now),
        advice: words.why(last.status_code, error.map(|error| error.kind)),
        message: error.filter(|_| last.status_code.is_none()).map(|error| error.message.clone()).unwrap_or_default(),
        body: first_lines(&last.response_body),
    }
}

fn first_lines(body: &str) -> String {
    let lines: Vec<&str> = body.lines().map(str::trim_end).filter(|line| !line.is_empty()).take(LINES).collect();
    lines.join("\n").chars().take(CHARACTERS).collect()
}
