use std::sync::Arc;

use axum::{
    Json as Out,
    extract::State,
    http::{HeaderMap, StatusCode},
};
use gancho_intake::{RequestIdempotency, digest};
use gancho_service::{
    event::EventsInput,
    input::{self, ClientId},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    App,
    api::{
        body::Json,
        problem::{Answer, Problem},
    },
    auth::Ingest,
};

/// The ids of what was taken in.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum SentOutput {
    /// Of one event.
    One {
        /// Its id.
        id: String,
    },
    /// Of a list.
    Many {
        /// Their ids, in order.
        ids: Vec<String>,
    },
}

/// Takes events in, one or a list of up to 1000. `202` means they are on disk.
#[utoipa::path(post, path = "/events", tag = "events", request_body = EventsInput,
    params(("Idempotency-Key" = Option<ClientId>, Header, description = "a name for the request, by which a repeat is recognised for 30 days")),
    responses((status = 202, body = SentOutput), (status = 409, description = "the id was used for another event"), (status = 413, description = "too large")))]
pub(crate) async fn send(
    State(app): State<Arc<App>>,
    Ingest(caller): Ingest,
    headers: HeaderMap,
    body: Json,
) -> Answer<(StatusCode, Out<SentOutput>)> {
    let request = request_key(&headers, &body, "events")?;
    let (events, is_single) = match input::read(body.value, app.services.rules())? {
        EventsInput::One(event) => (vec![*event], true),
        EventsInput::Many(events) => (events, false),
    };
    let ids = app.services.submit_events(caller, events, request).await?;
    let mut ids = ids.iter().map(ToString::to_string);
    let output = match is_single {
        true => SentOutput::One { id: ids.next().unwrap_or_default() },
        false => SentOutput::Many { ids: ids.collect() },
    };
    Ok((StatusCode::ACCEPTED, Out(output)))
}

/// `Idempotency-Key`, if present; `to` is the request's target.
pub(crate) fn request_key(headers: &HeaderMap, body: &Json, to: &str) -> Answer<Option<RequestIdempotency>> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let key = ClientId::new(value.to_str().unwrap_or_default());
    let ClientId(key) = key.map_err(|message| Problem::field("Idempotency-Key", message))?;
    let whole = [to.as_bytes(), b"\0", &body.raw].concat();
    Ok(Some(RequestIdempotency { key, digest: digest(&whole) }))
}
