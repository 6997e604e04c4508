//! For supervisors: is it alive, can it work?

use std::sync::Arc;

use axum::{extract::State, http::StatusCode};

use crate::App;

/// Alive as long as it answers.
pub(crate) async fn alive() -> &'static str {
    "ok\n"
}

/// Ready when the store answers.
pub(crate) async fn ready(State(app): State<Arc<App>>) -> (StatusCode, &'static str) {
    match app.store.ping().await {
        Ok(()) => (StatusCode::OK, "ok\n"),
        Err(error) => {
            tracing::warn!(%error, "the store does not answer");
            (StatusCode::SERVICE_UNAVAILABLE, "the store does not answer\n")
        }
    }
}
