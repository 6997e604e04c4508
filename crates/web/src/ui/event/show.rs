use std::sync::Arc;

use askama::Template;
use axum::{extract::State, response::Response};
use gancho_model::{Endpoint, Event, EventId, Message, Timestamp};
use gancho_words::Words;
use serde_json::Value;

use super::{list, why::EndpointDecision};
use crate::{
    App,
    api::problem::Answer,
    ui::{
        current_user::CurrentUser,
        delivery::list::{DeliveryRow, webhook},
        draw, error,
        id::Id,
        page,
        page_context::PageContext,
        say,
        webhook::names,
    },
};

/// A column's old and new value.
pub(crate) struct Changed {
    pub column: String,
    pub title: String,
    pub before: String,
    pub after: String,
}

/// A key fact of the record.
struct Fact {
    column: &'static str,
    title: String,
    value: String,
}

impl Fact {
    fn new(words: &Words, column: &'static str, value: &Value, currency: &str) -> Self {
        Self { column, title: say::column(words, column), value: say::value(words, column, value, currency) }
    }
}

#[derive(Template)]
#[template(path = "event.html")]
struct EventPage {
    context: PageContext,
    event: Event,
    title: String,
    source: String,
    rows: Vec<DeliveryRow>,
    /// Webhooks to which the current record can be sent.
    targets: Vec<(String, String)>,
    choose: bool,
    verdicts: Vec<EndpointDecision>,
    changes: Vec<Changed>,
    facts: Vec<Fact>,
    /// That its data were erased, if they were.
    erased: String,
    pretty: String,
    json: String,
}

pub(crate) async fn show(State(app): State<Arc<App>>, visitor: CurrentUser, Id(id): Id<EventId>) -> Response {
    let context = PageContext::new(&app, &visitor, "events", "event-title");
    match read(&app, &context, id).await {
        Ok(read) => page(&read),
        Err(problem) => error::of(context, &problem),
    }
}

/// Ids and names; empty without permission, or for an event without an ERP.
fn targets(context: &PageContext, event: &Event, endpoints: &[Endpoint]) -> Vec<(String, String)> {
    let can = context.admin && event.source.is_some() && event.object.is_some();
    let open = endpoints.iter().filter(|endpoint| can && endpoint.enabled);
    open.map(|endpoint| (endpoint.id.to_string(), names(endpoint).0)).collect()
}

async fn read(app: &App, context: &PageContext, id: EventId) -> Answer<EventPage> {
    let event = app.store.event(id).await?;
    let deliveries = app.store.deliveries_of(id).await?;
    let endpoints = app.store.all_endpoints().await?;
    let sources = list::sources(app).await?;
    let parsed: Value = serde_json::from_slice(&event.body).unwrap_or(Value::Null);
    let title = say::event(&context.words, &event.event, event.label.as_deref());
    let rows = deliveries.iter().map(|delivery| DeliveryRow::new(context, delivery, &webhook(&endpoints, delivery)));
    Ok(EventPage {
        source: list::source_name(&context.words, &event, &sources),
        rows: rows.collect(),
        targets: targets(context, &event, &endpoints),
        choose: false,
        verdicts: super::why::verdicts(context, &event, &endpoints, &deliveries),
        changes: changes(&context.words, &parsed),
        facts: facts(&context.words, &parsed),
        erased: erased(context, &parsed),
        json: draw::json(&parsed),
        pretty: serde_json::to_string_pretty(&parsed).unwrap_or_default(),
        context: context.clone().titled(title.clone()),
        event,
        title,
    })
}

/// Changed columns with old and new value.
pub(crate) fn changes(words: &Words, body: &Value) -> Vec<Changed> {
    let (object, previous) = (&body["data"]["object"], &body["data"]["previous"]);
    let currency = object["coddivisa"].as_str().unwrap_or_default();
    let columns = previous.as_object().into_iter().flatten();
    let changed = |(column, old): (&String, &Value)| Changed {
        title: say::column(words, column),
        column: column.clone(),
        before: say::value(words, column, old, currency),
        after: say::value(words, column, &object[column.as_str()], currency),
    };
    columns.map(changed).collect()
}

/// The sentence about an erased event, if it is one.
pub(crate) fn erased(context: &PageContext, body: &Value) -> String {
    let at = body["data"]["erased_at"].as_i64().map(|s| Timestamp::from_ms(s.saturating_mul(1000)));
    at.map_or_else(String::new, |at| {
        context.words.message(&Message::new("event-erased").with("at", context.words.full(at)))
    })
}

/// The key facts of a record.
fn facts(words: &Words, body: &Value) -> Vec<Fact> {
    const FIRST: &[&str] = &[
        "codigo",
        "nombrecliente",
        "nombre",
        "razonsocial",
        "cifnif",
        "referencia",
        "descripcion",
        "fecha",
        "total",
        "importe",
        "pagada",
        "pagado",
        "vencimiento",
        "cantidad",
        "disponible",
        "email",
        "telefono1",
        "nick",
    ];
    let object = &body["data"]["object"];
    let currency = object["coddivisa"].as_str().unwrap_or_default();
    let known = FIRST.iter().filter_map(|column| object.get(*column).map(|found| (*column, found)));
    let filled = known.filter(|(_, found)| !found.is_null() && found.as_str() != Some(""));
    filled.map(|(column, found)| Fact::new(words, column, found, currency)).collect()
}
