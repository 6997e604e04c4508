use std::sync::Arc;

use axum::{Json, extract::State};
use gancho_model::EndpointId;
use gancho_words::Words;

use super::view::EndpointView;
use crate::{
    App,
    api::{page::Id, problem::Answer},
    auth::Reader,
};

/// One endpoint, with its health.
#[utoipa::path(get, path = "/endpoints/{id}", tag = "endpoints", params(("id" = String, Path)),
    responses((status = 200, body = EndpointView), (status = 404, description = "no such endpoint")))]
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    reader: Reader,
    Id(id): Id<EndpointId>,
) -> Answer<Json<EndpointView>> {
    let backlog = app.store.backlogs(vec![id]).await?.pop().unwrap_or_default();
    let endpoint = app.store.endpoint(id).await?;
    let summary = app.services.endpoint_summary(&endpoint, backlog, Words::english()).await?;
    Ok(Json(EndpointView::new(&endpoint, backlog, reader).with_summary(summary)))
}

pub(super) async fn view(app: &App, id: EndpointId, reader: Reader) -> Answer<EndpointView> {
    // The backlog is read first: if it is empty, the health read afterwards includes its outcomes.
    let backlog = app.store.backlogs(vec![id]).await?.pop().unwrap_or_default();
    let endpoint = app.store.endpoint(id).await?;
    Ok(EndpointView::new(&endpoint, backlog, reader))
}
