use std::sync::Arc;

use axum::{Json, extract::State};
use gancho_model::{Scope, SourceId};

use super::view::SourceView;
use crate::{
    App,
    api::{
        page::Id,
        problem::{Answer, Problem},
    },
    auth::Anyone,
};

/// One source. Its own token may see it.
#[utoipa::path(get, path = "/sources/{id}", tag = "sources", params(("id" = String, Path)),
    responses((status = 200, body = SourceView), (status = 404, description = "no such source")))]
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    Anyone(caller): Anyone,
    Id(id): Id<SourceId>,
) -> Answer<Json<SourceView>> {
    match caller.scope {
        Scope::Admin | Scope::Read => {}
        Scope::Source(own) if own == id => {}
        scope => return Err(Problem::forbidden(scope.as_str(), "read")),
    }
    Ok(Json(SourceView::new(&app, &app.store.source(id).await?)))
}
