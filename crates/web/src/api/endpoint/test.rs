use std::{sync::Arc, time::Duration};

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use gancho_facturascripts::{event_types, label};
use gancho_model::{DeliveryId, EndpointId, Event, EventId, EventType, Message, State as DeliveryState, render_body};
use serde_json::json;
use utoipa::ToSchema;

use crate::{
    App,
    api::{
        body::OptionalJson,
        delivery::view::DeliveryView,
        fields::{Errors, Fields},
        page::{Id, Query},
        problem::{Answer, Problem},
        read,
    },
    auth::{Admin, Reader},
};

/// How often it looks whether the test has ended.
const LOOK: Duration = Duration::from_millis(20);

/// What to send.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the shape for the document; bodies are read field by field")]
pub(crate) struct TestInput {
    /// The type of the sample, `invoice.created` if left out.
    event: Option<String>,
}

/// Sends a sample, with `"test":true` in its body, even to a disabled endpoint. With `wait=true`
/// the answer is the delivery with its attempt.
#[utoipa::path(post, path = "/endpoints/{id}/test", tag = "endpoints",
    params(("id" = String, Path), ("wait" = Option<bool>, Query)), request_body = Option<TestInput>,
    responses((status = 202, description = "on its way: `{id, event_id}`"), (status = 200, body = DeliveryView)))]
pub(crate) async fn test(
    State(app): State<Arc<App>>,
    Admin(caller): Admin,
    Id(id): Id<EndpointId>,
    query: Query,
    OptionalJson(body): OptionalJson,
) -> Answer<Response> {
    let wait = query.read(|fields| fields.optional("wait", |value| Ok(value == "true")))?.unwrap_or(false);
    let mut errors = Errors::default();
    let event = Fields::of(body, "", &mut errors).map(|mut fields| {
        let event = fields.optional("event", read::event_type);
        fields.end();
        event
    });
    let event = match errors.finish(event)? {
        Some(event) => event,
        None => EventType::parse("invoice.created").map_err(|_| Problem::field("event", Message::new("error-type")))?,
    };
    let endpoint = app.store.endpoint(id).await?;
    let (delivery, event_id) = send(&app, id, event).await?;
    if !wait {
        let answer = json!({"id": delivery.to_string(), "event_id": event_id.to_string()});
        return Ok((StatusCode::ACCEPTED, Json(answer)).into_response());
    }
    wait_for(&app, delivery, endpoint.timeout_ms).await;
    let (delivery, attempts) = app.store.delivery(delivery).await?;
    Ok(Json(DeliveryView::with_attempts(&delivery, attempts, Reader(caller))).into_response())
}

/// Sends a sample; returns the delivery and the event.
pub(crate) async fn send(app: &App, id: EndpointId, event: EventType) -> Answer<(DeliveryId, EventId)> {
    let sample = sample(app, event);
    let event_id = sample.id;
    Ok((app.store.send_test(id, sample).await?, event_id))
}

/// Waits for a test's end. Ended or not, what is known by then is the answer.
pub(crate) async fn wait_for(app: &App, delivery: DeliveryId, timeout_ms: u32) {
    let limit = Duration::from_millis(u64::from(timeout_ms)) + Duration::from_secs(5);
    let _ = tokio::time::timeout(limit, ended(app, delivery)).await;
}

fn sample(app: &App, event: EventType) -> Event {
    let now = app.environment.now();
    let id = EventId::new(now, &*app.environment);
    let (data, object) = event_types::sample(&event);
    let label = data.get("object").and_then(serde_json::Value::as_object).and_then(label);
    let body = render_body(id, &event, now, data, None, true);
    Event { id, sequence: 0, event, created: now, arrived_at: now, source: None, object, label, body }
}

async fn ended(app: &App, id: DeliveryId) {
    while app.store.delivery(id).await.is_ok_and(|(delivery, _)| delivery.state == DeliveryState::Pending) {
        tokio::time::sleep(LOOK).await;
    }
}
