use std::sync::Arc;

use axum::{extract::State, http::StatusCode};
use gancho_model::TokenId;

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
    app.services.accounts.remove_token(id, &app.who(caller).await).await?;
    app.tokens.forget();
    Ok(StatusCode::NO_CONTENT)
}
