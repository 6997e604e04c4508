use std::sync::Arc;

use axum::{Json, extract::State};

use super::view::NodeView;
use crate::{
    App,
    api::{
        page::{List, Query, WholeListQuery},
        problem::Answer,
    },
    auth::Reader,
};

/// The servers that work on this database, in the order of their coming, with what each does; all on one page.
#[utoipa::path(get, path = "/nodes", tag = "nodes", params(WholeListQuery),
    responses((status = 200, body = List<NodeView>)))]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    _: Reader,
    _: Query<WholeListQuery>,
) -> Answer<Json<List<NodeView>>> {
    let nodes = app.store.nodes().await.map_err(gancho_service::ServiceError::from)?;
    Ok(Json(List::whole(nodes.iter().map(NodeView::from).collect())))
}
