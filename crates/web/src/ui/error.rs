//! Error pages with the reason and the remedy.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{FromRequestParts, State},
    http::{HeaderMap, Method, StatusCode, Uri, request::Parts},
    response::{IntoResponse, Response},
};
use gancho_model::Message;
use gancho_words::Words;

use super::{answer, current_user::CurrentUser, go, locale, page_context::PageContext};
use crate::{
    App,
    api::problem::{self, Problem},
};

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage {
    context: PageContext,
    sentence: String,
    fields: Vec<(String, String)>,
}

/// A problem as a page without a signed-in user.
pub(crate) fn page(app: &App, words: &Words, problem: &Problem) -> Response {
    of(PageContext::strange(app, words.clone(), "problem-title", String::new()), problem)
}

/// A problem as a page.
pub(crate) fn of(context: PageContext, problem: &Problem) -> Response {
    let words = context.words.clone();
    let sentence = match (problem.sentence(), problem.status()) {
        (Some(message), _) => words.message(message),
        (None, StatusCode::NOT_FOUND) => words.get("problem-missing"),
        (None, StatusCode::UNPROCESSABLE_ENTITY) => words.get("problem-fields"),
        (None, _) => words.get("problem-broken"),
    };
    let fields = problem.errors().iter().map(|error| (error.field.clone(), words.message(&error.localized))).collect();
    answer(problem.status(), &ErrorPage { context, sentence, fields })
}

/// The user has read access only.
pub(crate) fn forbidden(context: PageContext) -> Response {
    of(context, &Problem::localized(StatusCode::FORBIDDEN, Message::new("problem-forbidden")))
}

/// A POST-only path was requested by GET, as after signing in: redirect to its page.
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

/// Not found: a problem for programs, a page for browsers.
pub(crate) async fn not_found(State(app): State<Arc<App>>, mut parts: Parts) -> Response {
    let problem = Problem::new(StatusCode::NOT_FOUND, format!("there is nothing at {}", parts.uri.path()));
    if !wants_page(&parts.headers, &parts.uri) {
        return problem.into_response();
    }
    for_whom(&app, &mut parts, &problem).await
}

/// A problem as a page, with the navigation for a signed-in user.
pub(crate) async fn for_whom(app: &Arc<App>, parts: &mut Parts, problem: &Problem) -> Response {
    match CurrentUser::from_request_parts(parts, app).await {
        Ok(visitor) => of(PageContext::new(app, &visitor, "", "problem-title"), problem),
        Err(_) => page(app, &locale::words(&parts.headers, None), problem),
    }
}
