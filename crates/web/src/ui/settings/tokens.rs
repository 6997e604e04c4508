//! Tokens for programs: shown once, when they are made.

use std::sync::Arc;

use axum::{extract::State, response::Response};
use gancho_model::TokenId;
use serde_json::json;

use crate::{
    App, api,
    ui::{current_user::CurrentAdmin, done, error, form::Form, id::Id, page, page_context::PageContext},
};

pub(crate) async fn add(State(app): State<Arc<App>>, CurrentAdmin(visitor): CurrentAdmin, form: Form) -> Response {
    let input = json!({"name": form.json_text("name"), "scope": form.json_text("scope")});
    let made = api::token::create::make(&app, input, &visitor.user.name).await;
    let made = match made {
        Ok(made) => made,
        Err(problem) => return super::refused(&app, &visitor, "tokens", form, &problem).await,
    };
    let context = PageContext::new(&app, &visitor, "settings", "settings-title");
    match super::read(&app, &context, &visitor, "tokens").await {
        Ok(mut read) => {
            read.new_token = made.token.unwrap_or_default();
            page(&read)
        }
        Err(problem) => error::of(context, &problem),
    }
}

pub(crate) async fn remove(
    State(app): State<Arc<App>>,
    CurrentAdmin(visitor): CurrentAdmin,
    Id(id): Id<TokenId>,
    _: Form,
) -> Response {
    match api::token::remove::remove_one(&app, id, &visitor.user.name).await {
        Ok(()) => done(&app, "/settings?tab=tokens", "token-removed"),
        Err(problem) => error::of(PageContext::new(&app, &visitor, "settings", "problem-title"), &problem),
    }
}
