use std::sync::Arc;

use askama::Template;
use axum::{extract::State, response::Response};
use gancho_model::{Event, Pattern};
use gancho_store::EventFilter;

use crate::{
    App,
    ui::{error, frame::Frame, page, query::Query, say, visitor::Visitor},
};

/// Events on a page.
const LIMIT: usize = 50;
/// The names in the address.
const NAMES: [&str; 4] = ["type", "hours", "document", "source"];

/// An event in a list.
pub(crate) struct Row {
    pub id: String,
    pub sequence: u64,
    pub what: String,
    pub kind: String,
    pub source: String,
    pub at: String,
    pub at_full: String,
}

impl Row {
    /// `sources`: ids and names.
    pub fn new(frame: &Frame, event: &Event, sources: &[(String, String)]) -> Self {
        let id = event.source.map(|source| source.to_string());
        let source = id.and_then(|id| sources.iter().find(|(known, _)| *known == id).map(|(_, name)| name.clone()));
        Self {
            id: event.id.to_string(),
            sequence: event.sequence,
            what: say::event(&frame.words, &event.event, event.label.as_deref()),
            kind: event.event.to_string(),
            source: source.unwrap_or_default(),
            at: frame.words.short(event.arrived_at, frame.now),
            at_full: frame.words.full(event.arrived_at),
        }
    }
}

#[derive(Template)]
#[template(path = "events.html")]
struct Page {
    frame: Frame,
    query: Query,
    rows: Vec<Row>,
    sources: Vec<(String, String)>,
    next: Option<u64>,
    newer: bool,
}

impl Page {
    fn has(&self, name: &str, value: &str) -> bool {
        self.query.text(name) == value
    }

    fn first_link(&self) -> String {
        self.frame.link(format!("/events?{}", self.query.with(&NAMES, None)))
    }

    fn next_link(&self, next: &u64) -> String {
        let query = self.query.with(&NAMES, Some(("before", &next.to_string())));
        self.frame.link(format!("/events?{query}"))
    }
}

pub(crate) async fn show(State(app): State<Arc<App>>, visitor: Visitor, query: Query) -> Response {
    let frame = Frame::new(&app, &visitor, "events", "events-title");
    let hours = query.read("hours", |text| text.parse::<i64>().ok()).filter(|hours| (1..=24 * 366).contains(hours));
    let filter = EventFilter {
        types: query.read("type", |text| Pattern::parse(text).ok()).into_iter().collect(),
        since: hours.map(|hours| frame.now.plus_ms(-hours * 3_600_000)),
        label: query.get("document").map(ToOwned::to_owned),
        source: query.read("source", |text| text.parse().ok()),
        ..EventFilter::default()
    };
    let before = query.read("before", |text| text.parse().ok());
    let found = async {
        let found = app.store.recent(before, filter, LIMIT).await?;
        Ok::<_, gancho_store::StoreError>((found, sources(&app).await?))
    };
    match found.await {
        Ok((found, sources)) => {
            let rows = found.items.iter().map(|event| Row::new(&frame, event, &sources)).collect();
            page(&Page { frame, query, rows, sources, next: found.next, newer: before.is_some() })
        }
        Err(problem) => error::of(frame, &problem.into()),
    }
}

/// Sources: ids and names.
pub(crate) async fn sources(app: &App) -> Result<Vec<(String, String)>, gancho_store::StoreError> {
    let sources = app.store.sources().await?;
    Ok(sources.into_iter().map(|source| (source.id.to_string(), source.name)).collect())
}
