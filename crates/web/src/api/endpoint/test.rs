use std::{sync::Arc, time::Duration};

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use gancho_facturascripts::event_types;
use gancho_model::{DeliveryId, EndpointId, Event, EventId, EventType, State as Standing, render_body};
use gancho_store::NewEvent;
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
        None => EventType::parse("invoice.created").map_err(|error| Problem::field("event", error.to_string()))?,
    };
    let endpoint = app.store.endpoint(id).await?;
    let now = app.ambient.now();
    let sample = sample(&app, event);
    let event_id = sample.event.id;
    let delivery = app.store.send_test(id, sample, now).await?;
    if !wait {
        let answer = json!({"id": delivery.to_string(), "event_id": event_id.to_string()});
        return Ok((StatusCode::ACCEPTED, Json(answer)).into_response());
    }
    let limit = Duration::from_millis(u64::from(endpoint.timeout_ms)) + Duration::from_secs(5);
    // Ended or not, what is known by then is the answer.
    let _ = tokio::time::timeout(limit, ended(&app, delivery)).await;
    let (delivery, attempts) = app.store.delivery(delivery).await?;
    Ok(Json(DeliveryView::with_attempts(&delivery, attempts, Reader(caller))).into_response())
}

fn sample(app: &App, event: EventType) -> NewEvent {
    let now = app.ambient.now();
    let id = EventId::new(now, &*app.ambient);
    let (data, object) = event_types::sample(&event);
    let body = render_body(id, &event, now, data, None, true);
    let event = Event { id, sequence: 0, event, created: now, arrived_at: now, source: None, object, body };
    NewEvent { event, deliverable: true }
}

async fn ended(app: &App, id: DeliveryId) {
    while app.store.delivery(id).await.is_ok_and(|(delivery, _)| delivery.state == Standing::Pending) {
        tokio::time::sleep(LOOK).await;
    }
}
