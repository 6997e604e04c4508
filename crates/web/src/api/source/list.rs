use std::sync::Arc;

use axum::{Json, extract::State};

use super::view::SourceView;
use crate::{
    App,
    api::{
        page::{List, Query, WholeListQuery},
        problem::Answer,
    },
    auth::Reader,
};

/// Sources, oldest first; all on one page.
#[utoipa::path(get, path = "/sources", tag = "sources", params(WholeListQuery), responses((status = 200, body = List<SourceView>)))]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    _: Reader,
    _: Query<WholeListQuery>,
) -> Answer<Json<List<SourceView>>> {
    let sources = app.store.sources().await?;
    Ok(Json(List::whole(sources.iter().map(|source| SourceView::new(&app, source)).collect())))
}
