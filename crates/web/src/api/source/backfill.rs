use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use gancho_model::SourceId;
use gancho_service::source::BackfillInput;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    App,
    api::{
        body::Body,
        job::{show::last, view::JobView},
        page::Id,
        problem::Answer,
    },
    auth::Admin,
};

/// What was sent, and where to go on.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BackfillView {
    /// Records that are on their way.
    count: usize,
    /// Records that are too large, or of which the endpoint's template makes nothing.
    refused: usize,
    /// Give it as `after` for the next page; null after the last.
    next: Option<String>,
}

/// Sends existing records of an ERP to one endpoint, a page at a time, as events `noun.snapshot` outside the feed. For
/// ERPs connected by their database or API.
#[utoipa::path(post, path = "/sources/{id}/backfill", tag = "sources", params(("id" = String, Path)),
    request_body = BackfillInput, responses((status = 202, body = BackfillView),
        (status = 409, description = "it is disabled, or only `gancho listen` sends to it")))]
pub(crate) async fn backfill(
    State(app): State<Arc<App>>,
    Admin(caller): Admin,
    Id(id): Id<SourceId>,
    Body(input): Body<BackfillInput>,
) -> Answer<(StatusCode, Json<BackfillView>)> {
    let done = app.services.backfill(id, input, &app.who(caller).await).await?;
    let view = BackfillView { count: done.count, refused: done.refused, next: done.next };
    Ok((StatusCode::ACCEPTED, Json(view)))
}

/// Sends all existing records from here on to one endpoint as a background job: `GET /endpoints/{id}/job` returns its
/// progress. `limit` is ignored.
#[utoipa::path(post, path = "/sources/{id}/backfill/start", tag = "sources", params(("id" = String, Path)),
    request_body = BackfillInput, responses((status = 202, body = JobView),
        (status = 409, description = "it is disabled, or only `gancho listen` sends to it")))]
pub(crate) async fn start(
    State(app): State<Arc<App>>,
    Admin(caller): Admin,
    Id(id): Id<SourceId>,
    Body(input): Body<BackfillInput>,
) -> Answer<(StatusCode, Json<JobView>)> {
    let endpoint = input.endpoint;
    app.services.start_backfill(id, input, &app.who(caller).await).await?;
    Ok((StatusCode::ACCEPTED, Json(last(&app, endpoint).await?)))
}
