//! Search for anything: a document's number, an id, a URL.

use std::sync::Arc;

use askama::Template;
use axum::{extract::State, response::Response};
use gancho_model::{Delivery, DeliveryId, Endpoint, EndpointId, EventId, SourceId};
use gancho_words::fold;

use super::{
    current_user::CurrentUser,
    delivery, error,
    event::{
        list::{self, EventRow},
        why,
    },
    go, page,
    page_context::PageContext,
    query::Query,
    say,
    webhook::names,
};
use crate::{App, api::problem::Answer};

/// Maximum events shown.
const EVENTS: usize = 30;

#[derive(Template)]
#[template(path = "search.html")]
struct SearchPage {
    context: PageContext,
    asked: String,
    found: Vec<FoundEvent>,
    /// The range that was searched.
    looked: String,
    webhooks: Vec<(String, String, String)>,
    sources: Vec<(String, String)>,
}

/// An event that was found, with its deliveries.
struct FoundEvent {
    row: EventRow,
    deliveries: Vec<Reached>,
}

/// The state of one of its deliveries.
struct Reached {
    id: String,
    colour: &'static str,
    text: String,
}

impl Reached {
    fn new(context: &PageContext, delivery: &Delivery, endpoints: &[Endpoint]) -> Self {
        let (word, colour) = say::state(&context.words, delivery.state);
        let webhook = delivery::list::webhook(endpoints, delivery);
        Self { id: delivery.id.to_string(), colour, text: format!("{webhook}: {word}") }
    }
}

pub(crate) async fn show(State(app): State<Arc<App>>, visitor: CurrentUser, query: Query) -> Response {
    let asked = query.text("q");
    if let Some(path) = page_of(asked) {
        return go(&app, &path);
    }
    let context = PageContext::new(&app, &visitor, "", "search-title");
    match read(&app, &context, asked).await {
        Ok(read) => page(&read),
        Err(problem) => error::of(context, &problem),
    }
}

/// The page of one of our ids.
fn page_of(asked: &str) -> Option<String> {
    if asked.parse::<DeliveryId>().is_ok() {
        return Some(format!("/deliveries/{asked}"));
    }
    if asked.parse::<EventId>().is_ok() {
        return Some(format!("/events/{asked}"));
    }
    if asked.parse::<EndpointId>().is_ok() {
        return Some(format!("/webhooks/{asked}"));
    }
    asked.parse::<SourceId>().is_ok().then(|| format!("/sources/{asked}"))
}

async fn read(app: &App, context: &PageContext, asked: &str) -> Answer<SearchPage> {
    let small = fold(asked.trim());
    let matches = |text: &str| !small.is_empty() && fold(text).contains(&small);
    let sources = list::sources(app).await?;
    let endpoints = app.store.all_endpoints().await?;
    let events = app.services.find_events(asked, EVENTS).await?;
    let mut found = vec![];
    for event in &events.events {
        let deliveries = app.store.deliveries_of(event.id).await?;
        found.push(FoundEvent {
            row: EventRow::new(context, event, &sources),
            deliveries: deliveries.iter().map(|delivery| Reached::new(context, delivery, &endpoints)).collect(),
        });
    }
    let webhooks = endpoints.iter().map(|endpoint| (endpoint, names(endpoint)));
    // Viewers must not find out masked values by searching.
    let webhooks = webhooks
        .filter(|(endpoint, (name, host))| matches(name) || matches(host) || (context.admin && matches(&endpoint.url)));
    Ok(SearchPage {
        context: context.clone(),
        asked: asked.to_owned(),
        found,
        looked: why::looked(context, events.since, events.is_short),
        webhooks: webhooks.map(|(endpoint, (name, host))| (endpoint.id.to_string(), name, host)).collect(),
        sources: sources.into_iter().filter(|(_, name)| matches(name)).collect(),
    })
}
