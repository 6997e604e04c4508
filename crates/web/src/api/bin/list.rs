use std::sync::Arc;

use axum::{Json, extract::State, http::HeaderMap};

use super::view::BinView;
use crate::{
    App,
    api::{
        page::{List, Query, WholeListQuery},
        problem::Answer,
    },
    auth::Reader,
};

/// Bins, newest first; all on one page.
#[utoipa::path(get, path = "/bins", tag = "bins", params(WholeListQuery),
    responses((status = 200, body = List<BinView>)))]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    _: Reader,
    headers: HeaderMap,
    _: Query<WholeListQuery>,
) -> Answer<Json<List<BinView>>> {
    let bins = app.store.bins(app.environment.now()).await?;
    Ok(Json(List::whole(bins.iter().map(|bin| BinView::new(bin, &app.site, &headers)).collect())))
}
