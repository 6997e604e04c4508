//! A page that says what went wrong, and what to do.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::State,
    http::{HeaderMap, Method, StatusCode, Uri},
    response::{IntoResponse, Response},
};
use gancho_model::Said;
use gancho_words::Words;

use super::{answer, frame::Frame, go, locale};
use crate::{
    App,
    api::problem::{self, Problem},
};

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage {
    frame: Frame,
    sentence: String,
    fields: Vec<(String, String)>,
}

/// A problem as a page for a stranger, or for whom the language is all that is known.
pub(crate) fn page(app: &App, words: &Words, problem: &Problem) -> Response {
    of(Frame::strange(app, words.clone(), "problem-title", String::new()), problem)
}

/// A problem as a page.
pub(crate) fn of(frame: Frame, problem: &Problem) -> Response {
    let words = frame.words.clone();
    let sentence = match (problem.sentence(), problem.status()) {
        (Some(said), _) => words.said(said),
        (None, StatusCode::NOT_FOUND) => words.get("problem-missing"),
        (None, StatusCode::UNPROCESSABLE_ENTITY) => words.get("problem-fields"),
        (None, _) => words.get("problem-broken"),
    };
    let fields = problem.errors().iter().map(|error| (error.field.clone(), words.said(&error.said))).collect();
    answer(problem.status(), &ErrorPage { frame, sentence, fields })
}

/// Looking is all that is allowed.
pub(crate) fn forbidden(frame: Frame) -> Response {
    of(frame, &Problem::said(StatusCode::FORBIDDEN, Said::plain("problem-forbidden")))
}

/// What is only sent to was asked for, as browsers do after signing in: back to the page it belongs to.
pub(crate) async fn method_not_allowed(
    State(app): State<Arc<App>>,
    method: Method,
    headers: HeaderMap,
    uri: Uri,
) -> Response {
    if method != Method::GET || !wants_page(&headers, &uri) {
        return problem::method_not_allowed(method, uri).await.into_response();
    }
    let parent = uri.path().rsplit_once('/').map_or("", |(parent, _)| parent);
    go(&app, if parent.is_empty() { "/" } else { parent })
}

fn wants_page(headers: &HeaderMap, uri: &Uri) -> bool {
    let kinds = headers.get("accept").and_then(|value| value.to_str().ok());
    !uri.path().starts_with("/api/") && kinds.is_some_and(|kinds| kinds.contains("text/html"))
}

/// Nothing is here: for programs a problem, for people a page.
pub(crate) async fn not_found(State(app): State<Arc<App>>, headers: HeaderMap, uri: Uri) -> Response {
    let problem = Problem::new(StatusCode::NOT_FOUND, format!("there is nothing at {}", uri.path()));
    if !wants_page(&headers, &uri) {
        return problem.into_response();
    }
    page(&app, &locale::words(&headers, None), &problem)
}
