//! Tokens for programs: shown once, when created.

use std::sync::Arc;

use axum::{extract::State, response::Response};
use gancho_model::{Message, Scope, TokenId};
use gancho_service::{
    account::NewToken,
    input::{Reading, Rules, Text},
};

use crate::{
    App,
    api::problem::Answer,
    ui::{current_user::CurrentAdmin, done, error, form::Form, id::Id, page, page_context::PageContext},
};

pub(crate) async fn add(State(app): State<Arc<App>>, CurrentAdmin(visitor): CurrentAdmin, form: Form) -> Response {
    let new_token = match create(&app, &form, &visitor.user.name).await {
        Ok(text) => text,
        Err(problem) => return super::refused(&app, &visitor, "tokens", form, &problem).await,
    };
    let context = PageContext::new(&app, &visitor, "settings", "settings-title");
    match super::read(&app, &context, &visitor, "tokens").await {
        Ok(mut read) => {
            read.new_token = new_token;
            page(&read)
        }
        Err(problem) => error::of(context, &problem),
    }
}

async fn create(app: &App, form: &Form, who: &str) -> Answer<String> {
    let mut reading = Reading::new(Rules::default());
    let name = reading.field("name", form.required("name").and_then(Text::new));
    let scope = Scope::parse(form.value("scope")).ok_or_else(|| Message::new("error-scope"));
    let scope = reading.field("scope", scope);
    let new = name.zip(scope).map(|(name, scope)| NewToken { name, scope: Some(scope) });
    let (_, text) = app.services.accounts.create_token(reading.finish(new)?, who).await?;
    Ok(text)
}

pub(crate) async fn remove(
    State(app): State<Arc<App>>,
    CurrentAdmin(visitor): CurrentAdmin,
    Id(id): Id<TokenId>,
    _: Form,
) -> Response {
    match app.services.accounts.remove_token(id, &visitor.user.name).await {
        Ok(()) => {
            app.tokens.forget();
            done(&app, "/settings?tab=tokens", "token-removed")
        }
        Err(error) => error::of(PageContext::new(&app, &visitor, "settings", "problem-title"), &error.into()),
    }
}
