use std::sync::Arc;

use axum::{Json, extract::State, http::HeaderMap};
use gancho_model::BinId;

use super::view::BinView;
use crate::{
    App,
    api::{page::Id, problem::Answer},
    auth::Reader,
};

/// One bin.
#[utoipa::path(get, path = "/bins/{id}", tag = "bins", params(("id" = String, Path)),
    responses((status = 200, body = BinView)))]
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    _: Reader,
    Id(id): Id<BinId>,
    headers: HeaderMap,
) -> Answer<Json<BinView>> {
    let bin = app.store.bin(id, app.environment.now()).await?;
    Ok(Json(BinView::new(&bin, &app.site, &headers)))
}
