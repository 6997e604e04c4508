use std::sync::Arc;

use axum::{Json, extract::State};
use gancho_model::EndpointId;

use super::view::EndpointView;
use crate::{
    App,
    api::{
        page::{self, List, Query},
        problem::Answer,
        read,
    },
    auth::Reader,
};

/// Endpoints, oldest first.
#[utoipa::path(get, path = "/endpoints", tag = "endpoints",
    params(("limit" = Option<u32>, Query), ("after" = Option<String>, Query)),
    responses((status = 200, body = List<EndpointView>)))]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    reader: Reader,
    query: Query,
) -> Answer<Json<List<EndpointView>>> {
    let (after, limit) =
        query.read(|fields| (fields.optional("after", read::id::<EndpointId>), page::limit(fields)))?;
    let page = app.store.endpoints(after, limit).await?;
    let backlogs = app.store.backlogs(page.items.iter().map(|endpoint| endpoint.id).collect()).await?;
    let views = page.items.iter().zip(backlogs).map(|(endpoint, backlog)| EndpointView::new(endpoint, backlog, reader));
    Ok(Json(List { data: views.collect(), next: page.next.map(|id| id.to_string()) }))
}
