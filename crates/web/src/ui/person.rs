//! What is entered of a person: name, mail, password.

use std::sync::Arc;

use axum::http::StatusCode;
use gancho_model::Message;

use super::form::Form;
use crate::{
    App,
    api::problem::{Answer, Problem},
    auth::password as passwords,
};

/// A name to sign in with.
pub(crate) fn name(text: &str) -> Answer<String> {
    let wrong = |input| Err(Problem::field("name", input));
    if text.trim() != text {
        return wrong(Message::new("error-name-blanks"));
    }
    if text.is_empty() || text.chars().count() > 100 {
        return wrong(Message::new("error-length").with("min", 1).with("max", 100));
    }
    if text.contains(char::is_control) {
        return wrong(Message::new("error-control"));
    }
    Ok(text.to_owned())
}

/// A new password, written twice.
pub(crate) fn password(form: &Form) -> Answer<String> {
    let given = form.value("password");
    if !(passwords::LENGTH_MIN..=passwords::LENGTH_MAX).contains(&given.chars().count()) {
        return Err(Problem::field("password", passwords::length_error()));
    }
    if form.value("again") != given {
        return Err(Problem::field("again", Message::new("error-password-twice")));
    }
    Ok(given.to_owned())
}

/// A password's hash; hashing goes where it holds nobody up.
pub(crate) async fn hashed(app: &Arc<App>, given: String) -> Answer<String> {
    let app = app.clone();
    let hash = tokio::task::spawn_blocking(move || passwords::hash(&given, &*app.environment)).await;
    let broken = || Problem::localized(StatusCode::INTERNAL_SERVER_ERROR, Message::new("problem-broken"));
    hash.map_err(|_| broken())?.map_err(|_| Problem::field("password", passwords::length_error()))
}

/// Whether a text looks like an address that mail reaches.
fn is_address(text: &str) -> bool {
    let good = |part: &str| !part.is_empty() && !part.contains(char::is_whitespace) && !part.contains(['<', '>', ',']);
    text.len() <= 254
        && text.rsplit_once('@').is_some_and(|(local, domain)| good(local) && good(domain) && domain.contains('.'))
}

/// An address for mail, or none.
pub(crate) fn email(form: &Form) -> Answer<Option<String>> {
    match form.value("email").trim() {
        "" => Ok(None),
        text if is_address(text) => Ok(Some(text.to_owned())),
        _ => Err(Problem::field("email", Message::new("error-email"))),
    }
}
