use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use gancho_model::EndpointId;
use gancho_service::endpoint::ReplayInput;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    App,
    api::{body::Body, page::Id, problem::Answer},
    auth::Admin,
};

/// How many.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReplayOutput {
    count: u64,
}

/// Resends events with their ids, in a separate queue and without affecting the endpoint's health. `GET
/// /endpoints/{id}/job` returns the progress.
#[utoipa::path(post, path = "/endpoints/{id}/replay", tag = "endpoints", params(("id" = String, Path)), request_body = ReplayInput,
    responses((status = 202, body = ReplayOutput, description = "on their way"), (status = 200, body = ReplayOutput, description = "counted only"),
        (status = 409, description = "only `gancho listen` sends to it")))]
pub(crate) async fn replay(
    State(app): State<Arc<App>>,
    Admin(caller): Admin,
    Id(id): Id<EndpointId>,
    Body(input): Body<ReplayInput>,
) -> Answer<(StatusCode, Json<ReplayOutput>)> {
    let replay = app.services.planned_replay(id, input);
    if replay.dry_run {
        let count = app.services.count_replay(&replay).await?;
        return Ok((StatusCode::OK, Json(ReplayOutput { count })));
    }
    let count = app.services.replay(replay, app.who(caller).await).await?;
    Ok((StatusCode::ACCEPTED, Json(ReplayOutput { count })))
}
