use std::sync::Arc;

use axum::{extract::State, http::StatusCode};
use gancho_model::TokenId;
use serde_json::Map;

use crate::{
    App,
    api::{page::Id, problem::Answer},
    auth::Admin,
};

/// Removes a token. It is refused from the next second on, on every node.
#[utoipa::path(delete, path = "/tokens/{id}", tag = "tokens", params(("id" = String, Path)),
    responses((status = 204, description = "removed"), (status = 404, description = "no such token")))]
pub(crate) async fn remove(
    State(app): State<Arc<App>>,
    Admin(caller): Admin,
    Id(id): Id<TokenId>,
) -> Answer<StatusCode> {
    remove_one(&app, id, &app.who(caller).await).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Removes a token.
pub(crate) async fn remove_one(app: &App, id: TokenId, who: &str) -> Answer<()> {
    let known = app.store.tokens().await?.into_iter().find(|token| token.id == id);
    app.store.remove_token(id).await?;
    app.tokens.forget();
    app.note(who, "token.removed", &id, known.map(|token| token.name).unwrap_or_default(), Map::new()).await;
    Ok(())
}
