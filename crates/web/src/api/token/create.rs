use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use gancho_service::account::NewToken;

use super::TokenView;
use crate::{
    App,
    api::{body::Body, problem::Answer},
    auth::Admin,
};

/// Makes a token. Its text is in the answer, and never again.
#[utoipa::path(post, path = "/tokens", tag = "tokens", request_body = NewToken,
    responses((status = 201, body = TokenView)))]
pub(crate) async fn create(
    State(app): State<Arc<App>>,
    Admin(caller): Admin,
    Body(new): Body<NewToken>,
) -> Answer<(StatusCode, Json<TokenView>)> {
    let (token, text) = app.services.accounts.create_token(new, &app.who(caller).await).await?;
    Ok((StatusCode::CREATED, Json(TokenView::new(&token, Some(text)))))
}
