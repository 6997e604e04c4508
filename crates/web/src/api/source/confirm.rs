use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use gancho_model::SourceId;
use serde_json::Map;

use super::view::SourceView;
use crate::{
    App,
    api::{
        page::Id,
        problem::{Answer, Problem},
    },
    auth::Admin,
};

/// Says that the address leads to the source's own ERP. A source stops when its database looks like a copy of the one
/// that was set up, or was set up for another source since, and waits for this.
#[utoipa::path(post, path = "/sources/{id}/confirm", tag = "sources", params(("id" = String, Path)),
    responses((status = 200, body = SourceView), (status = 409, description = "it asks nothing, or can't be reached")))]
pub(crate) async fn confirm(
    State(app): State<Arc<App>>,
    Admin(caller): Admin,
    Id(id): Id<SourceId>,
) -> Answer<Json<SourceView>> {
    run(&app, id, &app.who(caller).await).await.map(Json)
}

/// Says so, and keeps who did.
pub(crate) async fn run(app: &App, id: SourceId, who: &str) -> Answer<SourceView> {
    let source = app.store.source(id).await?;
    app.sources.confirm(&source).await.map_err(|why| Problem::localized(StatusCode::CONFLICT, why))?;
    app.note(who, "source.confirmed", &id, source.name.clone(), Map::new()).await;
    Ok(SourceView::new(app, &source))
}
