use std::sync::Arc;

use askama::Template;
use axum::{extract::State, response::Response};
use gancho_model::{Message, Source, SourceKind, mask};
use gancho_service::Pace;
use gancho_words::Words;

use crate::{
    App,
    api::problem::Answer,
    ui::{current_user::CurrentUser, error, page, page_context::PageContext, query::Query},
};

/// A source as shown.
pub(crate) struct SourceRow {
    pub id: String,
    pub name: String,
    pub kind: String,
    pub url: String,
    pub state: (String, &'static str),
    pub sentence: String,
    /// The raw message of the underlying system, if it is down.
    pub raw: Option<String>,
    /// Delay until changes of a polled ERP are found.
    pub pace: String,
    pub lag: String,
    pub backlog: Option<u64>,
    pub is_received: bool,
    pub heard_at: String,
    /// Whether a user must decide whether it is the right ERP.
    pub asks: bool,
}

#[derive(Template)]
#[template(path = "sources.html")]
struct SourcesPage {
    context: PageContext,
    rows: Vec<SourceRow>,
}

pub(crate) async fn show(State(app): State<Arc<App>>, visitor: CurrentUser, query: Query) -> Response {
    let context = PageContext::new(&app, &visitor, "sources", "sources-title").with_done(query.get("done"));
    match rows(&app, &context).await {
        Ok(rows) => page(&SourcesPage { context, rows }),
        Err(problem) => error::of(context, &problem),
    }
}

/// All sources.
pub(crate) async fn rows(app: &App, context: &PageContext) -> Answer<Vec<SourceRow>> {
    Ok(app.store.sources().await?.iter().map(|source| row(app, context, source)).collect())
}

/// One source.
pub(crate) fn row(app: &App, context: &PageContext, source: &Source) -> SourceRow {
    let words = &context.words;
    let status = app.services.sources.status(source.id).unwrap_or_default();
    let heard_at = source.heard_at.map_or_else(|| words.get("never"), |at| words.ago(at, context.now));
    let (id, colour) = match (status.asks, status.down, source.heard_at) {
        _ if source.paused => ("health-paused", "warn"),
        (true, ..) => ("source-asks", "bad"),
        (false, true, _) => ("source-down", "bad"),
        (false, false, Some(_)) => ("source-ok", "good"),
        (false, false, None) => ("source-waiting", "busy"),
    };
    let error = status.last_error.clone();
    // Polled ERPs have no backlog.
    let (paused, down) = match source.kind {
        SourceKind::Api => ("source-paused-api-sentence", "source-down-api-sentence"),
        SourceKind::Plugin | SourceKind::Database => ("source-paused-sentence", "source-down-sentence"),
    };
    let down_ms = status.down_since.map_or(0, |since| context.now.since_ms(since));
    let message = match error {
        _ if source.paused => Message::new(paused).with("heard", heard_at.as_str()),
        Some(why) if status.asks => why,
        Some(why) => Message::new(if status.down { down } else { "source-warns-sentence" })
            .with("why", why)
            .with("span", words.span(down_ms))
            .with("heard", heard_at.as_str()),
        None => Message::new(if source.heard_at.is_some() { "source-ok-sentence" } else { "source-waiting-sentence" })
            .with("heard", heard_at.as_str()),
    };
    SourceRow {
        id: source.id.to_string(),
        name: source.name.clone(),
        kind: words.get(&format!("source-kind-{}", source.kind.as_str())),
        url: source.url.as_ref().map(|url| mask::url(url.expose())).unwrap_or_default(),
        state: (words.get(id), colour),
        sentence: words.message(&message),
        pace: status.pace.map(|pace| pace_sentence(words, pace)).unwrap_or_default(),
        raw: status.last_error.as_ref().and_then(|error| words.raw(error)),
        // Measurements from before it went down are outdated.
        lag: status.lag_s.filter(|_| !status.down).map_or_else(|| "–".into(), |lag| words.span((lag * 1000.0) as i64)),
        backlog: status.backlog.filter(|_| !status.down),
        is_received: source.heard_at.is_some(),
        heard_at,
        asks: status.asks,
    }
}

/// The delay until changes of a polled ERP are found, as a sentence.
fn pace_sentence(words: &Words, pace: Pace) -> String {
    let span = |s: u64| words.span(i64::try_from(s).unwrap_or(i64::MAX).saturating_mul(1000));
    words.message(&Message::new("source-pace").with("new", span(pace.new_s)).with("changes", span(pace.changes_s)))
}
