//! A mail to see that mail arrives.

use std::sync::Arc;

use axum::{extract::State, http::StatusCode, response::Response};
use gancho_model::Message;

use crate::{
    App,
    api::problem::Problem,
    ui::{current_user::CurrentAdmin, done, form::Form, person},
};

pub(crate) async fn send_test(
    State(app): State<Arc<App>>,
    CurrentAdmin(visitor): CurrentAdmin,
    form: Form,
) -> Response {
    let words = &visitor.words;
    let sent = match person::email(&form) {
        Ok(Some(to)) => {
            let (subject, text) = (words.get("mail-test-subject"), words.get("mail-test-text"));
            let sent = app.mailing.send_test(&to, &subject, &text).await;
            sent.map_err(|message| Problem::localized(StatusCode::BAD_GATEWAY, message))
        }
        Ok(None) => Err(Problem::field("email", Message::new("error-required"))),
        Err(problem) => Err(problem),
    };
    match sent {
        Ok(()) => done(&app, "/settings?tab=mail", "mail-sent"),
        Err(problem) => super::refused(&app, &visitor, "mail", form, &problem).await,
    }
}
