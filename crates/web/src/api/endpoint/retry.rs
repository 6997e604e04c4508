use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use gancho_model::EndpointId;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    App,
    api::{page::Id, problem::Answer},
    auth::Admin,
};

/// What waits.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RetryOutput {
    /// Deliveries that wait for the endpoint.
    pending: u64,
}

/// Retries an endpoint after its receiver was repaired: a failing one is probed now, a healthy one's waiting retries
/// become due.
#[utoipa::path(post, path = "/endpoints/{id}/retry", tag = "endpoints", params(("id" = String, Path)),
    responses((status = 202, body = RetryOutput), (status = 409, description = "it is paused or disabled")))]
pub(crate) async fn retry(
    State(app): State<Arc<App>>,
    Admin(caller): Admin,
    Id(id): Id<EndpointId>,
) -> Answer<(StatusCode, Json<RetryOutput>)> {
    let pending = app.services.retry_endpoint(id, &app.who(caller).await).await?;
    Ok((StatusCode::ACCEPTED, Json(RetryOutput { pending })))
}
