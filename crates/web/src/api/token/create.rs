use std::sync::Arc;

use axum::{Json as Out, extract::State, http::StatusCode};
use gancho_model::{Message, Scope, Token, TokenId};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::TokenView;
use crate::{
    App,
    api::{
        body::Json,
        fields::{Errors, Fields},
        problem::Answer,
        read,
    },
    auth::{self, Admin},
};

/// A token to be made.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the shape for the document; bodies are read field by field")]
pub(crate) struct TokenInput {
    name: String,
    /// `admin`, `read` or `ingest`; `ingest` if left out.
    scope: Option<String>,
}

/// Makes a token. Its text is in the answer, and never again.
#[utoipa::path(post, path = "/tokens", tag = "tokens", request_body = TokenInput,
    responses((status = 201, body = TokenView)))]
pub(crate) async fn create(
    State(app): State<Arc<App>>,
    Admin(caller): Admin,
    body: Json,
) -> Answer<(StatusCode, Out<TokenView>)> {
    make(&app, body.value, &app.who(caller).await).await.map(|made| (StatusCode::CREATED, Out(made)))
}

/// Makes the token that this says.
pub(crate) async fn make(app: &App, input: Value, who: &str) -> Answer<TokenView> {
    let mut errors = Errors::default();
    let read = Fields::of(input, "", &mut errors).map(|mut fields| {
        let name = fields.required("name", read::text(1, 100)).unwrap_or_default();
        let scope = fields.optional("scope", scope).unwrap_or(Scope::Ingest);
        fields.end();
        (name, scope)
    });
    let (name, scope) = errors.finish(read)?;
    let created_at = app.environment.now();
    let token = Token { id: TokenId::new(created_at, &*app.environment), name, scope, created_at };
    let text = auth::new_token(&*app.environment);
    app.store.add_token(token.clone(), auth::digest(&text)).await?;
    app.note(who, "token.created", &token.id, token.name.clone(), Map::new()).await;
    Ok(TokenView::new(&token, Some(text)))
}

fn scope(value: Value) -> Result<Scope, Message> {
    Scope::parse(value.as_str().unwrap_or_default()).ok_or_else(|| Message::new("error-scope"))
}
