use std::sync::Arc;

use axum::{extract::State, response::Response};

use super::with_cookies;
use crate::{
    App,
    auth::cookie,
    ui::{current_user::CurrentUser, error, form::Form, go, page_context::PageContext},
};

pub(crate) async fn leave(State(app): State<Arc<App>>, visitor: CurrentUser, _: Form) -> Response {
    match app.store.end_session(visitor.session.digest).await {
        Ok(()) => with_cookies(go(&app, "/login"), [cookie::set(&app, cookie::SESSION, "", 0)]),
        Err(problem) => error::of(PageContext::new(&app, &visitor, "", "problem-title"), &problem.into()),
    }
}
