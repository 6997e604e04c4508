//! Gancho's HTTP side: the API, and how callers are known. Handlers look up, act, answer; what is
//! decided is decided in the model, and what must act at once is a bell away.

pub mod api;
mod app;
pub mod auth;
mod probe;

use std::sync::Arc;

use axum::{Router, routing::get};

pub use app::{App, Metrics, WebSettings};

/// Everything that is served.
pub fn router(app: Arc<App>) -> Router {
    let (api, document) = api::router();
    let document = Arc::new(document);
    Router::new()
        .route("/healthz", get(probe::alive))
        .route("/readyz", get(probe::ready))
        .route("/metrics", get(probe::metrics))
        .route("/api/v1/openapi.json", get(move || api::openapi(document.clone())))
        .merge(api)
        .fallback(api::problem::not_found)
        .method_not_allowed_fallback(api::problem::method_not_allowed)
        .with_state(app)
}
