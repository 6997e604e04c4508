//! A mail to see that mail arrives.

use std::sync::Arc;

use axum::{extract::State, http::StatusCode, response::Response};
use gancho_model::Said;

use crate::{
    App,
    api::problem::Problem,
    ui::{done, form::Form, person, visitor::Manager},
};

pub(crate) async fn send_test(State(app): State<Arc<App>>, Manager(visitor): Manager, form: Form) -> Response {
    let words = &visitor.words;
    let sent = match person::email(&form) {
        Ok(Some(to)) => {
            let (subject, text) = (words.get("mail-test-subject"), words.get("mail-test-text"));
            let sent = app.mailing.send_test(&to, &subject, &text).await;
            sent.map_err(|said| Problem::said(StatusCode::BAD_GATEWAY, said))
        }
        Ok(None) => Err(Problem::field("email", Said::plain("error-required"))),
        Err(problem) => Err(problem),
    };
    match sent {
        Ok(()) => done(&app, "/settings?tab=mail", "mail-sent"),
        Err(problem) => super::refused(&app, &visitor, "mail", form, &problem).await,
    }
}
