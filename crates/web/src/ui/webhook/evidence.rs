//! The last failure of a failing webhook, shown first on its page.

use gancho_model::{Attempt, Delivery, Endpoint};
use gancho_store::StoreError;

use crate::{
    App,
    ui::{page_context::PageContext, say},
};

/// Maximum lines and characters of a response shown; the delivery's page shows all of it.
const LINES: usize = 6;
const CHARACTERS: usize = 600;

/// The last failed attempt of a failing webhook.
pub(super) struct Evidence {
    /// The delivery with its attempts.
    pub delivery: String,
    /// The event's title with its document.
    pub title: String,
    /// The time, as text.
    pub at: String,
    /// The likely cause and the remedy.
    pub advice: String,
    /// The raw error below HTTP; empty if there was a response.
    pub message: String,
    /// The first lines of the response.
    pub body: String,
}

/// Reads it; `None` if the last attempt succeeded, or the delivery was deleted since.
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
