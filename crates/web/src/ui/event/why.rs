//! "Why was nothing sent for this document?": was it heard, what did it become, who asked for it?

use std::sync::Arc;

use askama::Template;
use axum::{extract::State, response::Response};
use gancho_model::{Delivery, Endpoint, Event, EventId, Said};
use gancho_store::EventFilter;

use super::list::{self, Row};
use crate::{
    App,
    api::problem::Answer,
    ui::{error, frame::Frame, page, query::Query, say, visitor::Visitor, webhook::names},
};

/// Events of a document that are looked at.
const EVENTS: usize = 20;

/// What a webhook said to an event.
pub(crate) struct Verdict {
    pub webhook: String,
    pub id: String,
    pub colour: &'static str,
    pub text: String,
    /// The delivery, if there is one.
    pub delivery: Option<String>,
}

/// An event of the document, and what every webhook said to it.
struct Found {
    row: Row,
    verdicts: Vec<Verdict>,
}

/// How a source does, for whoever finds nothing.
struct Ear {
    id: String,
    name: String,
    text: String,
    down: bool,
}

#[derive(Template)]
#[template(path = "why.html")]
struct Page {
    frame: Frame,
    asked: String,
    found: Vec<Found>,
    ears: Vec<Ear>,
}

pub(crate) async fn show(State(app): State<Arc<App>>, visitor: Visitor, query: Query) -> Response {
    let frame = Frame::new(&app, &visitor, "events", "why-title");
    match read(&app, &frame, query.text("document")).await {
        Ok(read) => page(&read),
        Err(problem) => error::of(frame, &problem),
    }
}

async fn read(app: &App, frame: &Frame, asked: &str) -> Answer<Page> {
    let sources = list::sources(app).await?;
    let endpoints = app.store.all_endpoints().await?;
    let mut found = vec![];
    for event in if asked.is_empty() { vec![] } else { events(app, asked).await? } {
        let deliveries = app.store.deliveries_of(event.id).await?;
        let verdicts = verdicts(frame, &event, &endpoints, &deliveries);
        found.push(Found { row: Row::new(frame, &event, &sources), verdicts });
    }
    let ears = app.store.sources().await?.into_iter().map(|source| ear(app, frame, source));
    Ok(Page { frame: frame.clone(), asked: asked.to_owned(), found, ears: ears.collect() })
}

/// By the event's id, or by what people call the document.
async fn events(app: &App, asked: &str) -> Answer<Vec<Event>> {
    if let Ok(id) = asked.parse::<EventId>() {
        return Ok(app.store.event(id).await.into_iter().collect());
    }
    named(app, asked, EVENTS).await
}

/// Events of the document of this name; if there is none, of those whose names begin so.
pub(crate) async fn named(app: &App, asked: &str, limit: usize) -> Answer<Vec<Event>> {
    let filter = EventFilter { label: Some(asked.to_owned()), exactly: true, ..EventFilter::default() };
    let exactly = app.store.recent(None, filter.clone(), limit).await?.items;
    if !exactly.is_empty() {
        return Ok(exactly);
    }
    Ok(app.store.recent(None, EventFilter { exactly: false, ..filter }, limit).await?.items)
}

fn ear(app: &App, frame: &Frame, source: gancho_model::Source) -> Ear {
    let words = &frame.words;
    let standing = app.hearing.standing(source.id).unwrap_or_default();
    let heard = source.heard_at.map_or_else(|| words.get("never"), |at| words.ago(at, frame.now));
    let said = match standing.last_error.filter(|_| standing.down) {
        Some(why) => Said::plain("ear-down").with("why", why).with("heard", heard),
        None => Said::plain("ear-up").with("heard", heard),
    };
    Ear { id: source.id.to_string(), name: source.name, text: words.said(&said), down: standing.down }
}

/// What each webhook said to an event.
pub(crate) fn verdicts(frame: &Frame, event: &Event, endpoints: &[Endpoint], deliveries: &[Delivery]) -> Vec<Verdict> {
    let one = |endpoint: &Endpoint| {
        let delivery = deliveries.iter().find(|delivery| delivery.endpoint_id == endpoint.id);
        let (colour, text) = match delivery {
            Some(delivery) => {
                let (word, colour) = say::state(&frame.words, delivery.state);
                (colour, frame.words.said(&Said::plain("verdict-delivery").with("state", word)))
            }
            None => ("off", frame.words.said(&refusal(event, endpoint))),
        };
        Verdict {
            webhook: names(endpoint).0,
            id: endpoint.id.to_string(),
            colour,
            text,
            delivery: delivery.map(|delivery| delivery.id.to_string()),
        }
    };
    endpoints.iter().map(one).collect()
}

/// Why an endpoint has no delivery of an event, as far as its settings of today tell.
fn refusal(event: &Event, endpoint: &Endpoint) -> Said {
    if endpoint.created_at > event.arrived_at {
        return Said::plain("verdict-younger");
    }
    if !endpoint.events.iter().any(|pattern| pattern.matches(&event.event)) {
        let events: Vec<&str> = endpoint.events.iter().map(|pattern| pattern.as_str()).collect();
        return Said::plain("verdict-pattern").with("type", event.event.as_str()).with("events", events.join(", "));
    }
    if !endpoint.would_want(&event.event, event.source) {
        return Said::plain("verdict-source");
    }
    if !endpoint.enabled {
        return Said::plain("verdict-disabled");
    }
    Said::plain("verdict-then")
}
