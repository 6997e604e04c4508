use std::sync::Arc;

use axum::{Json, extract::State};
use gancho_model::EndpointId;
use gancho_service::listener::ForwardedInput;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    App,
    api::{body::Body, page::Id, problem::Answer},
    auth::Admin,
};

/// Where the log shows it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ForwardedView {
    /// `dlv_…`
    delivery: String,
}

/// Records the result of a forwarded event, and moves the listener's position past it.
#[utoipa::path(post, path = "/listeners/{id}/attempts", tag = "listeners", params(("id" = String, Path)),
    request_body = ForwardedInput, responses((status = 200, body = ForwardedView), (status = 409, description = "there is no such event yet")))]
pub(crate) async fn report(
    State(app): State<Arc<App>>,
    _: Admin,
    Id(id): Id<EndpointId>,
    Body(input): Body<ForwardedInput>,
) -> Answer<Json<ForwardedView>> {
    let delivery = app.services.report_forwarded(id, input).await?;
    Ok(Json(ForwardedView { delivery: delivery.to_string() }))
}
