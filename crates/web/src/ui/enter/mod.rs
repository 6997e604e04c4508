//! Signing in and out.

pub mod language;
pub mod login;
pub mod logout;
pub mod setup;

use axum::{
    http::{HeaderMap, HeaderValue, header::SET_COOKIE},
    response::{IntoResponse, Response},
};

use crate::{
    App,
    auth::{cookie, session},
};

/// Lifetime of the visit cookie before signing in, seconds.
const VISIT_S: i64 = 24 * 3600;

/// The CSRF token of a form before signing in, and the visit cookie if there is none yet.
fn visit(app: &App, headers: &HeaderMap) -> (String, Option<HeaderValue>) {
    match session::form_cookie(headers) {
        Some(text) => (session::csrf_token(text), None),
        None => {
            let text = session::random(app);
            (session::csrf_token(&text), cookie::set(app, cookie::VISIT, &text, VISIT_S))
        }
    }
}

fn with_cookies(mut response: Response, cookies: impl IntoIterator<Item = Option<HeaderValue>>) -> Response {
    for cookie in cookies.into_iter().flatten() {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response.into_response()
}

/// Our own path to redirect to; never another site.
fn safe_path(text: &str) -> &str {
    let ours =
        text.starts_with('/') && !text.starts_with("//") && !text.contains('\\') && !text.contains(char::is_control);
    if ours { text } else { "/" }
}
