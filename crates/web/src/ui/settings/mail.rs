//! A mail to see that mail arrives.

use std::sync::Arc;

use axum::{extract::State, http::StatusCode, response::Response};
use gancho_service::input::Email;

use crate::{
    App,
    api::problem::Problem,
    ui::{current_user::CurrentAdmin, done, form::Form},
};

pub(crate) async fn send_test(
    State(app): State<Arc<App>>,
    CurrentAdmin(visitor): CurrentAdmin,
    form: Form,
) -> Response {
    let words = &visitor.words;
    let sent = match form.required("email").and_then(Email::new) {
        Ok(Email(to)) => {
            let (subject, text) = (words.get("mail-test-subject"), words.get("mail-test-text"));
            let sent = app.services.mailing.send_test(&to, &subject, &text).await;
            sent.map_err(|message| Problem::localized(StatusCode::BAD_GATEWAY, message))
        }
        Err(wrong) => Err(Problem::field("email", wrong)),
    };
    match sent {
        Ok(()) => done(&app, "/settings?tab=mail", "mail-sent"),
        Err(problem) => super::refused(&app, &visitor, "mail", form, &problem).await,
    }
}
