use std::sync::Arc;

use axum::{extract::State, response::Response};

use super::with_cookies;
use crate::{
    App,
    auth::cookie,
    ui::{error, form::Form, frame::Frame, go, visitor::Visitor},
};

pub(crate) async fn leave(State(app): State<Arc<App>>, visitor: Visitor, _: Form) -> Response {
    match app.store.end_session(visitor.session.digest).await {
        Ok(()) => with_cookies(go(&app, "/login"), [cookie::set(&app, cookie::SESSION, "", 0)]),
        Err(problem) => error::of(Frame::new(&app, &visitor, "", "problem-title"), &problem.into()),
    }
}
