use std::sync::Arc;

use axum::{Json, extract::State};

use super::view::ConsumerView;
use crate::{
    App,
    api::{
        page::{List, Query, WholeListQuery},
        problem::Answer,
    },
    auth::Reader,
};

/// Consumers, by name; all on one page.
#[utoipa::path(get, path = "/consumers", tag = "consumers", params(WholeListQuery),
    responses((status = 200, body = List<ConsumerView>)))]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    _: Reader,
    _: Query<WholeListQuery>,
) -> Answer<Json<List<ConsumerView>>> {
    let last = *app.store.watch().borrow();
    let consumers = app.services.consumers().await?;
    Ok(Json(List::whole(consumers.iter().map(|one| ConsumerView::new(one, last)).collect())))
}
