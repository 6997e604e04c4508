//! "Why was nothing sent for this document?": whether its change arrived, its events, and each webhook's decision.

use std::sync::Arc;

use askama::Template;
use axum::{extract::State, response::Response};
use gancho_model::{
    Delivery, Endpoint, Event, EventId, Message, Mismatch, State as DeliveryState, Timestamp, mismatch,
};
use gancho_service::search::FoundEvents;

use super::list::{self, EventRow};
use crate::{
    App,
    api::problem::Answer,
    ui::{
        current_user::CurrentUser, delivery::reason, error, page, page_context::PageContext, query::Query, say,
        webhook::names,
    },
};

/// Maximum events of a document shown.
const EVENTS: usize = 20;

/// Whether a webhook got an event, and why not.
pub(crate) struct EndpointDecision {
    pub webhook: String,
    pub id: String,
    pub colour: &'static str,
    pub text: String,
    /// The delivery, if any.
    pub delivery: Option<String>,
}

/// An event of the document, with the decision for every webhook.
struct Found {
    row: EventRow,
    verdicts: Vec<EndpointDecision>,
}

/// The status of a source, shown if nothing was found.
struct Ear {
    id: String,
    name: String,
    text: String,
    down: bool,
}

#[derive(Template)]
#[template(path = "why.html")]
struct WhyPage {
    context: PageContext,
    asked: String,
    found: Vec<Found>,
    /// The range that was searched.
    looked: String,
    /// Whether older events of it are not shown.
    is_cut: bool,
    /// Whether it is a document's whole number or name, by which events can be listed.
    has_number: bool,
    ears: Vec<Ear>,
}

pub(crate) async fn show(State(app): State<Arc<App>>, visitor: CurrentUser, query: Query) -> Response {
    let context = PageContext::new(&app, &visitor, "events", "why-title");
    match read(&app, &context, query.text("document")).await {
        Ok(read) => page(&read),
        Err(problem) => error::of(context, &problem),
    }
}

async fn read(app: &App, context: &PageContext, asked: &str) -> Answer<WhyPage> {
    let sources = list::sources(app).await?;
    let endpoints = app.store.all_endpoints().await?;
    let mut found = vec![];
    let events = events(app, asked).await?;
    let (is_cut, has_number) = (events.is_cut, events.exact > 0);
    for event in events.events {
        let deliveries = app.store.deliveries_of(event.id).await?;
        let verdicts = verdicts(context, &event, &endpoints, &deliveries);
        found.push(Found { row: EventRow::new(context, &event, &sources), verdicts });
    }
    let ears = app.store.sources().await?.into_iter().map(|source| ear(app, context, source));
    let looked = looked(context, events.since, events.is_short);
    Ok(WhyPage {
        context: context.clone(),
        asked: asked.to_owned(),
        found,
        looked,
        is_cut,
        has_number,
        ears: ears.collect(),
    })
}

/// By the event's id, or by the document's name.
async fn events(app: &App, asked: &str) -> Answer<FoundEvents> {
    if let Ok(id) = asked.parse::<EventId>() {
        return Ok(FoundEvents { events: app.store.event(id).await.into_iter().collect(), ..FoundEvents::default() });
    }
    let mut found = app.services.find_events(asked, EVENTS).await?;
    if found.exact > 0 {
        // Each is explained webhook by webhook: only the document that was asked for.
        found.events.truncate(found.exact);
    }
    Ok(found)
}

/// The range of a search as text.
pub(crate) fn looked(context: &PageContext, since: Option<Timestamp>, is_short: bool) -> String {
    let words = &context.words;
    let Some(since) = since else { return words.get("search-no-events") };
    let id = if is_short { "search-looked-short" } else { "search-looked" };
    words.message(&Message::new(id).with("since", words.full(since)))
}

fn ear(app: &App, context: &PageContext, source: gancho_model::Source) -> Ear {
    let words = &context.words;
    let status = app.services.sources.status(source.id).unwrap_or_default();
    let heard = source.heard_at.map_or_else(|| words.get("never"), |at| words.ago(at, context.now));
    let down = status.down || source.paused;
    let message = match status.last_error.filter(|_| status.down) {
        _ if source.paused => Message::new("source-paused-sentence").with("heard", heard),
        Some(why) => {
            let down_ms = status.down_since.map_or(0, |since| context.now.since_ms(since));
            Message::new("ear-down").with("why", why).with("span", words.span(down_ms)).with("heard", heard)
        }
        None => Message::new("ear-up").with("heard", heard),
    };
    Ear { id: source.id.to_string(), name: source.name, text: words.message(&message), down }
}

/// Whether each webhook got an event, and why not.
pub(crate) fn verdicts(
    context: &PageContext,
    event: &Event,
    endpoints: &[Endpoint],
    deliveries: &[Delivery],
) -> Vec<EndpointDecision> {
    let one = |endpoint: &Endpoint| {
        let delivery = deliveries.iter().find(|delivery| delivery.endpoint_id == endpoint.id);
        let (colour, text) = match delivery {
            Some(delivery) => {
                let (word, colour) = say::state(&context.words, delivery.state);
                let word = match delivery.state {
                    DeliveryState::Pending => {
                        format!(
                            "{word}: {}",
                            context.words.waiting(delivery.waiting_for, delivery.next_attempt_at, context.now)
                        )
                    }
                    DeliveryState::Skipped => {
                        format!("{word}: {}", reason::in_full(context, event, Some(endpoint), delivery))
                    }
                    _ => word,
                };
                let id = if delivery.state == DeliveryState::Skipped { "verdict-skipped" } else { "verdict-delivery" };
                (colour, context.words.message(&Message::new(id).with("state", word)))
            }
            None => ("off", context.words.message(&refusal(event, endpoint))),
        };
        EndpointDecision {
            webhook: names(endpoint).0,
            id: endpoint.id.to_string(),
            colour,
            text,
            delivery: delivery.map(|delivery| delivery.id.to_string()),
        }
    };
    endpoints.iter().map(one).collect()
}

/// Why an endpoint has no delivery of an event, according to its current settings.
fn refusal(event: &Event, endpoint: &Endpoint) -> Message {
    if endpoint.created_at > event.arrived_at {
        return Message::new("verdict-younger");
    }
    match mismatch(endpoint, &event.event, event.source) {
        Some(Mismatch::Type) => {
            let events: Vec<&str> = endpoint.events.iter().map(|pattern| pattern.as_str()).collect();
            Message::new("verdict-pattern").with("type", event.event.as_str()).with("events", events.join(", "))
        }
        Some(Mismatch::Source) => Message::new("verdict-source"),
        Some(Mismatch::Disabled) => Message::new("verdict-disabled"),
        None => Message::new("verdict-then"),
    }
}
