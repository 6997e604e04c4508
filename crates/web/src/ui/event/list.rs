use std::sync::Arc;

use askama::Template;
use axum::{extract::State, response::Response};
use gancho_model::{Event, Timestamp};
use gancho_store::EventFilter;
use gancho_words::Words;

use crate::{
    App,
    ui::{
        current_user::CurrentUser,
        error, page,
        page_context::PageContext,
        query::{Query, Unreadable},
        say,
    },
};

/// Events per page.
const LIMIT: usize = 50;
/// The parameter names.
const NAMES: [&str; 6] = ["type", "hours", "from", "to", "document", "source"];

/// An event in a list.
pub(crate) struct EventRow {
    pub id: String,
    pub sequence: u64,
    pub what: String,
    pub kind: String,
    pub source: String,
    pub at: String,
    pub at_full: String,
}

impl EventRow {
    /// `sources`: ids and names.
    pub fn new(context: &PageContext, event: &Event, sources: &[(String, String)]) -> Self {
        Self {
            id: event.id.to_string(),
            sequence: event.sequence,
            what: say::event(&context.words, &event.event, event.label.as_deref()),
            kind: event.event.to_string(),
            source: source_name(&context.words, event, sources),
            at: context.words.short(event.arrived_at, context.now),
            at_full: context.words.full(event.arrived_at),
        }
    }
}

/// Where an event came from: a connection, one that was removed since, or a program. `sources`: ids and names.
pub(crate) fn source_name(words: &Words, event: &Event, sources: &[(String, String)]) -> String {
    let Some(id) = event.source.map(|source| source.to_string()) else {
        return words.get(if event.event.is_own() { "from-gancho" } else { "from-a-program" });
    };
    let known = sources.iter().find(|(known, _)| *known == id).map(|(_, name)| name.clone());
    known.unwrap_or_else(|| words.get("from-removed"))
}

#[derive(Template)]
#[template(path = "events.html")]
struct EventsPage {
    context: PageContext,
    query: Query,
    rows: Vec<EventRow>,
    sources: Vec<(String, String)>,
    next: Option<u64>,
    newer: bool,
    /// The message for an invalid filter.
    unread: String,
}

impl EventsPage {
    fn has(&self, name: &str, value: &str) -> bool {
        self.query.text(name) == value
    }

    fn is_filtered(&self) -> bool {
        NAMES.iter().any(|name| self.query.get(name).is_some())
    }

    fn first_link(&self) -> String {
        self.context.link(format!("/events?{}", self.query.with(&NAMES, None)))
    }

    fn next_link(&self, next: &u64) -> String {
        let query = self.query.with(&NAMES, Some(("before", &next.to_string())));
        self.context.link(format!("/events?{query}"))
    }
}

pub(crate) async fn show(State(app): State<Arc<App>>, visitor: CurrentUser, query: Query) -> Response {
    let context = PageContext::new(&app, &visitor, "events", "events-title");
    let (filter, unread) = match filter(&query, &context.words, context.now) {
        Ok(filter) => (Some(filter), String::new()),
        Err(unread) => (None, context.unread(&unread)),
    };
    let before = query.read("before", |text| text.parse().ok());
    let found = async {
        let found = match filter {
            Some(filter) => app.store.recent(before, filter, LIMIT).await?,
            None => gancho_store::Page { items: vec![], next: None },
        };
        Ok::<_, gancho_store::StoreError>((found, sources(&app).await?))
    };
    match found.await {
        Ok((found, sources)) => {
            let rows = found.items.iter().map(|event| EventRow::new(&context, event, &sources)).collect();
            page(&EventsPage { context, query, rows, sources, next: found.next, newer: before.is_some(), unread })
        }
        Err(problem) => error::of(context, &problem.into()),
    }
}

fn filter(query: &Query, words: &Words, now: Timestamp) -> Result<EventFilter, Unreadable> {
    let (since, until) = query.range(words, now)?;
    Ok(EventFilter {
        types: query.patterns("type")?,
        since,
        until,
        label: query.get("document").map(ToOwned::to_owned),
        sources: query.must("source", |text| text.parse().ok())?.into_iter().collect(),
        ..EventFilter::default()
    })
}

/// Sources: ids and names.
pub(crate) async fn sources(app: &App) -> Result<Vec<(String, String)>, gancho_store::StoreError> {
    let sources = app.store.sources().await?;
    Ok(sources.into_iter().map(|source| (source.id.to_string(), source.name)).collect())
}
