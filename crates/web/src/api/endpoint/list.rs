use std::sync::Arc;

use axum::{Json, extract::State};
use gancho_model::EndpointId;

use super::view::EndpointView;
use crate::{
    App,
    api::{
        page::{self, Limit, List, Query},
        problem::Answer,
    },
    auth::Reader,
};

gancho_service::input! {
    /// Which endpoints.
    pub struct EndpointsQuery {
        /// At most so many on a page.
        pub limit: Option<Limit>,
        /// The `next` of the page before.
        pub after: Option<EndpointId>,
    }
}

/// Endpoints, oldest first.
#[utoipa::path(get, path = "/endpoints", tag = "endpoints",
    params(EndpointsQuery),
    responses((status = 200, body = List<EndpointView>)))]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    reader: Reader,
    Query(query): Query<EndpointsQuery>,
) -> Answer<Json<List<EndpointView>>> {
    let page = app.store.endpoints(query.after, page::limit(query.limit)).await?;
    let backlogs = app.store.backlogs(page.items.iter().map(|endpoint| endpoint.id).collect()).await?;
    let views = page.items.iter().zip(backlogs).map(|(endpoint, backlog)| EndpointView::new(endpoint, backlog, reader));
    Ok(Json(List { data: views.collect(), next: page.next.map(|id| id.to_string()) }))
}
