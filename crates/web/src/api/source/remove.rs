use std::sync::Arc;

use axum::{extract::State, http::StatusCode};
use gancho_model::{Message, SourceId};

use serde_json::Map;

use crate::{
    App,
    api::{
        page::{self, Id, Query},
        problem::{Answer, Problem},
    },
    auth::Admin,
};

/// Removes a source and its token. Its events stay. Of a database, our triggers and outbox are taken away first; where
/// that fails, nothing is removed, unless `force=true` leaves them behind.
#[utoipa::path(delete, path = "/sources/{id}", tag = "sources", params(("id" = String, Path), ("force" = Option<bool>, Query)),
    responses((status = 204, description = "removed"), (status = 404, description = "no such source"),
        (status = 422, description = "what is ours can't be taken out of the ERP's database")))]
pub(crate) async fn remove(
    State(app): State<Arc<App>>,
    Admin(caller): Admin,
    Id(id): Id<SourceId>,
    query: Query,
) -> Answer<StatusCode> {
    let force = query.read(|fields| fields.optional("force", page::flag).unwrap_or(false))?;
    remove_one(&app, id, force, &app.who(caller).await).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Removes a source; with `force` even if what is ours stays in the ERP's database.
pub(crate) async fn remove_one(app: &App, id: SourceId, force: bool, who: &str) -> Answer<()> {
    let source = app.store.source(id).await?;
    if source.kind.is_watched()
        && let Err(why) = app.sources.uninstall(&source).await
        && !force
    {
        let input = Message::new("problem-uninstall").with("why", why);
        return Err(Problem::localized(StatusCode::UNPROCESSABLE_ENTITY, input));
    }
    app.store.remove_source(id).await?;
    app.tokens.forget();
    app.sources.sources_changed();
    app.note(who, "source.removed", &id, source.name, Map::new()).await;
    Ok(())
}
