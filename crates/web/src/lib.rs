//! Gancho's HTTP side: the API, the pages and authentication. Handlers call use cases; decisions are made in the model
//! and the services.

pub mod api;
mod app;
pub mod auth;
mod complete;
mod host;
mod live;
mod plugin;
mod probe;
mod site;
mod ui;

use std::sync::Arc;

use axum::{Router, routing::get};

pub use app::{App, Metrics, WebSettings};
pub use plugin::plugin_zip;
pub use ui::setup_link;

/// All routes.
pub fn router(app: Arc<App>) -> Router {
    let (api, document) = api::router();
    let document = Arc::new(document);
    let base = app.site.base.clone();
    let all = Router::new()
        .route("/healthz", get(probe::alive))
        .route("/readyz", get(probe::ready))
        .route("/metrics", get(probe::metrics))
        .route("/api/v1/openapi.json", get(move || api::openapi(document.clone())))
        .merge(api)
        .merge(api::bin::receive::router())
        .merge(ui::router())
        .fallback(ui::error::not_found)
        .method_not_allowed_fallback(ui::error::method_not_allowed)
        .with_state(app)
        .layer(axum::middleware::from_fn(complete::completed))
        .layer(axum::middleware::from_fn(host::named_once));
    // A proxy may keep or strip the prefix of paths.
    if base.is_empty() { all } else { Router::new().nest_service(&base, all.clone()).fallback_service(all) }
}
