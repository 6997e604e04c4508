use std::sync::Arc;

use axum::{Json, extract::State};
use gancho_model::EndpointId;

use crate::{
    App,
    api::{page::Id, problem::Answer, source::check::CheckView},
    auth::Admin,
};

/// Checks whether an endpoint's URL is reachable from this server, step by step. No request is sent.
#[utoipa::path(post, path = "/endpoints/{id}/check", tag = "endpoints", params(("id" = String, Path)),
    responses((status = 200, body = CheckView)))]
pub(crate) async fn check(State(app): State<Arc<App>>, _: Admin, Id(id): Id<EndpointId>) -> Answer<Json<CheckView>> {
    let endpoint = app.store.endpoint(id).await?;
    Ok(Json(CheckView::new(app.services.probing.probe(&endpoint.url).await)))
}
