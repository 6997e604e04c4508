//! Completes what changes something even if its client goes away: half of it must not stay undone.

use axum::{
    extract::Request,
    http::{Method, StatusCode},
    middleware::Next,
    response::{IntoResponse, Response},
};

use crate::api::problem::Problem;

/// Submissions are complete or nothing by themselves, and are the requests that must be cheap; bins respond to strangers.
fn is_exempt(path: &str) -> bool {
    path.ends_with("/events") || path.ends_with("/changes") || path.contains("/bin/")
}

pub(crate) async fn completed(request: Request, next: Next) -> Response {
    let reads = [Method::GET, Method::HEAD, Method::OPTIONS];
    if reads.contains(request.method()) || is_exempt(request.uri().path()) {
        return next.run(request).await;
    }
    tokio::spawn(next.run(request)).await.unwrap_or_else(|error| {
        tracing::error!(%error, "a request could not be completed");
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the request could not be completed").into_response()
    })
}
