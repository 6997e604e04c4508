use std::sync::Arc;

use axum::{Json, extract::State, http::HeaderMap};
use gancho_model::BinId;
use gancho_service::request_bin::BinPatch;

use super::view::BinView;
use crate::{
    App,
    api::{body::Body, page::Id, problem::Answer},
    auth::Admin,
};

/// Changes what a bin answers, or how long it lives.
#[utoipa::path(patch, path = "/bins/{id}", tag = "bins", params(("id" = String, Path)), request_body = BinPatch,
    responses((status = 200, body = BinView)))]
pub(crate) async fn change(
    State(app): State<Arc<App>>,
    _: Admin,
    Id(id): Id<BinId>,
    headers: HeaderMap,
    Body(patch): Body<BinPatch>,
) -> Answer<Json<BinView>> {
    let bin = app.services.change_bin(id, patch).await?;
    Ok(Json(BinView::new(&bin, &app.site, &headers)))
}
