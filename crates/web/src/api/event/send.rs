use std::sync::Arc;

use axum::{
    Json as Out,
    extract::State,
    http::{HeaderMap, StatusCode},
};
use gancho_intake::{RequestIdempotency, SubmittedEvent, digest};
use gancho_model::{Message, canonical, limits::BATCH_MAX};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::{
    App,
    api::{
        body::Json,
        fields::{Errors, Fields},
        problem::{Answer, Problem},
        read,
    },
    auth::Ingest,
};

/// An event of a program.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the shape for the document; bodies are read field by field")]
pub(crate) struct EventInput {
    /// `noun.verb`.
    event: String,
    /// `object`, and `previous` if something changed.
    data: Value,
    /// Your own name for it, by which a repeat is recognised for 30 days.
    id: Option<String>,
    /// When it happened, Unix seconds; now if left out.
    created: Option<i64>,
}

/// Takes events in, one or a list of up to 1000. `202` means they are on disk.
#[utoipa::path(post, path = "/events", tag = "events", request_body = EventInput,
    params(("Idempotency-Key" = Option<String>, Header)),
    responses((status = 202, description = "`{id}`, or `{ids}` for a list"), (status = 409, description = "the id was used for another event"), (status = 413, description = "too large")))]
pub(crate) async fn send(
    State(app): State<Arc<App>>,
    Ingest(caller): Ingest,
    headers: HeaderMap,
    body: Json,
) -> Answer<(StatusCode, Out<Value>)> {
    let request = request_key(&headers, &body, "events")?;
    let (items, single) = match body.value {
        Value::Array(items) => (items, false),
        one => (vec![one], true),
    };
    if items.is_empty() || items.len() > BATCH_MAX {
        return Err(Problem::field("body", Message::new("error-batch").with("max", BATCH_MAX)));
    }
    let mut errors = Errors::default();
    let mut events = Vec::with_capacity(items.len());
    for (n, item) in items.into_iter().enumerate() {
        let place = if single { String::new() } else { format!("[{n}]") };
        events.extend(event(item, &place, &mut errors));
    }
    let events = errors.finish(Some(events))?;
    let ids = app.intake.events(caller, events, request).await?;
    let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
    let answer = if single { json!({"id": ids.first()}) } else { json!({"ids": ids}) };
    Ok((StatusCode::ACCEPTED, Out(answer)))
}

/// `Idempotency-Key`, if there is one; `to` is what the request goes to.
pub(crate) fn request_key(headers: &HeaderMap, body: &Json, to: &str) -> Answer<Option<RequestIdempotency>> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let key = read::client_id(Value::from(value.to_str().unwrap_or_default()));
    let key = key.map_err(|message| Problem::field("Idempotency-Key", message))?;
    let whole = [to.as_bytes(), b"\0", &body.raw].concat();
    Ok(Some(RequestIdempotency { key, digest: digest(&whole) }))
}

fn event(item: Value, place: &str, errors: &mut Errors) -> Option<SubmittedEvent> {
    // Only what has a name can be a repeat.
    let sent = item.get("id").map(|_| digest(canonical::to_string(&item).as_bytes()));
    let mut fields = Fields::of(item, place, errors)?;
    let event = fields.required("event", read::event_type);
    if event.as_ref().is_some_and(gancho_model::EventType::is_own) {
        fields.wrong("event", Message::new("error-own-type"));
    }
    let id = fields.optional("id", read::client_id);
    let created = fields.optional("created", read::seconds);
    let data = fields.required_inside("data", data);
    fields.end();
    Some(SubmittedEvent { id, event: event?, data: data?, created, digest: sent.unwrap_or_default() })
}

fn data(fields: &mut Fields<'_>) -> Option<Map<String, Value>> {
    let mut data = Map::new();
    let object = fields.required("object", read::record);
    data.insert("object".into(), Value::Object(object.unwrap_or_default()));
    for name in ["previous", "cause"] {
        if let Some(record) = fields.optional(name, read::record) {
            data.insert(name.into(), Value::Object(record));
        }
    }
    if let Some(changed) = fields.optional("changed", read::list(1, 100, read::text(1, 100))) {
        data.insert("changed".into(), json!(changed));
    }
    if let Some(model) = fields.optional("model", read::text(1, 100)) {
        data.insert("model".into(), model.into());
    }
    Some(data)
}
