use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use gancho_model::EndpointId;
use gancho_service::{endpoint::TestInput, input::SampleType};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    App,
    api::{
        body::OptionalBody,
        delivery::view::DeliveryView,
        page::{Id, Query},
        problem::{Answer, Problem},
    },
    auth::{Admin, Reader},
};

gancho_service::input! {
    /// Whether to wait.
    pub struct TestQuery {
        /// Answer with the delivery and its attempt, when it has ended.
        pub wait: Option<bool>,
    }
}

/// A test on its way.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TestOutput {
    /// The delivery.
    id: String,
    event_id: String,
}

/// Sends a sample, with `"test":true` in its body, even to a disabled endpoint. With `wait=true`
/// the answer is the delivery with its attempt.
#[utoipa::path(post, path = "/endpoints/{id}/test", tag = "endpoints",
    params(("id" = String, Path), TestQuery), request_body = Option<TestInput>,
    responses((status = 202, body = TestOutput, description = "on its way"), (status = 200, body = DeliveryView),
        (status = 409, description = "only `gancho listen` sends to it")))]
pub(crate) async fn test(
    State(app): State<Arc<App>>,
    Admin(caller): Admin,
    Id(id): Id<EndpointId>,
    Query(query): Query<TestQuery>,
    OptionalBody(input): OptionalBody<TestInput>,
) -> Answer<Response> {
    let event = input.event.map_or_else(|| SampleType::new("invoice.created"), Ok);
    let SampleType(event) = event.map_err(|wrong| Problem::field("event", wrong))?;
    let endpoint = app.store.endpoint(id).await?;
    let (delivery, event_id) = app.services.send_test(id, event, input.data).await?;
    if !query.wait.unwrap_or(false) {
        let output = TestOutput { id: delivery.to_string(), event_id: event_id.to_string() };
        return Ok((StatusCode::ACCEPTED, Json(output)).into_response());
    }
    app.services.wait_for_test(delivery, endpoint.timeout_ms).await;
    let (delivery, attempts) = app.store.delivery(delivery).await?;
    let body = app.store.delivery_body(delivery.id).await?;
    Ok(Json(DeliveryView::whole(&delivery, attempts, &body, Reader(caller))).into_response())
}
