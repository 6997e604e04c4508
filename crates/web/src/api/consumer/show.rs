use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
};

use super::view::ConsumerView;
use crate::{App, api::problem::Answer, auth::Reader};

/// One consumer: how far it has come, and how far it is behind.
#[utoipa::path(get, path = "/consumers/{name}", tag = "consumers", params(("name" = String, Path)),
    responses((status = 200, body = ConsumerView)))]
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    _: Reader,
    Path(name): Path<String>,
) -> Answer<Json<ConsumerView>> {
    let consumer = app.services.consumer(&name).await?;
    Ok(Json(ConsumerView::new(&consumer, *app.store.watch().borrow())))
}
