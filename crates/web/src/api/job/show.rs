use std::sync::Arc;

use axum::{Json, extract::State};
use gancho_model::EndpointId;
use gancho_service::ServiceError;

use super::view::JobView;
use crate::{
    App,
    api::{page::Id, problem::Answer},
    auth::Reader,
};

/// The last replay or backfill to an endpoint, with its progress.
#[utoipa::path(get, path = "/endpoints/{id}/job", tag = "endpoints", params(("id" = String, Path)),
    responses((status = 200, body = JobView)))]
pub(crate) async fn show(State(app): State<Arc<App>>, _: Reader, Id(id): Id<EndpointId>) -> Answer<Json<JobView>> {
    last(&app, id).await.map(Json)
}

pub(crate) async fn last(app: &App, id: EndpointId) -> Answer<JobView> {
    let endpoint = app.store.endpoint(id).await?;
    let progress = app.services.job(&endpoint.id.to_string()).await?;
    Ok(progress.map(|progress| JobView::new(&progress)).ok_or(ServiceError::Missing("job"))?)
}
