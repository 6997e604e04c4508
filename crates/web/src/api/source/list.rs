use std::sync::Arc;

use axum::{Json, extract::State};

use super::view::SourceView;
use crate::{
    App,
    api::{
        page::{self, List, Query},
        problem::Answer,
    },
    auth::Reader,
};

/// Sources, oldest first; all on one page.
#[utoipa::path(get, path = "/sources", tag = "sources", params(("limit" = Option<u32>, Query)), responses((status = 200, body = List<SourceView>)))]
pub(crate) async fn list(State(app): State<Arc<App>>, _: Reader, query: Query) -> Answer<Json<List<SourceView>>> {
    query.read(page::limit)?;
    let sources = app.store.sources().await?;
    Ok(Json(List::whole(sources.iter().map(|source| SourceView::new(&app, source)).collect())))
}
