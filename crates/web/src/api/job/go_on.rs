use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use gancho_model::EndpointId;

use super::{show::last, view::JobView};
use crate::{
    App,
    api::{page::Id, problem::Answer},
    auth::Admin,
};

/// Continues a backfill that stopped early, for example because the ERP did not respond.
#[utoipa::path(post, path = "/endpoints/{id}/job/continue", tag = "endpoints", params(("id" = String, Path)),
    responses((status = 202, body = JobView), (status = 409, description = "it goes on already, or it ended")))]
pub(crate) async fn go_on(
    State(app): State<Arc<App>>,
    _: Admin,
    Id(id): Id<EndpointId>,
) -> Answer<(StatusCode, Json<JobView>)> {
    app.store.endpoint(id).await?;
    app.services.continue_job(id).await?;
    Ok((StatusCode::ACCEPTED, Json(last(&app, id).await?)))
}
