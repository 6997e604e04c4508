//! For supervisors: is it alive, can it work, what does it do?

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

/// What the parts counted, and what waits now, in Prometheus' text format. No secrets: endpoints by id.
pub(crate) async fn metrics(State(app): State<Arc<App>>) -> Result<String, StatusCode> {
    let mut text = app.metrics.as_ref().map_or_else(String::new, |render| render());
    let unavailable = |error: gancho_store::StoreError| {
        tracing::warn!(%error, "the store does not say what waits");
        StatusCode::SERVICE_UNAVAILABLE
    };
    let endpoints = app.store.all_endpoints().await.map_err(unavailable)?;
    let ids: Vec<_> = endpoints.iter().map(|endpoint| endpoint.id).collect();
    let backlogs = app.store.backlogs(ids).await.map_err(unavailable)?;
    let now = app.environment.now();
    text.push_str("# TYPE gancho_waiting gauge\n# TYPE gancho_oldest_waiting_seconds gauge\n# TYPE gancho_endpoint_failing gauge\n");
    for (endpoint, backlog) in endpoints.iter().zip(backlogs) {
        let age_s = backlog.oldest_pending_at.map_or(0, |at| now.since_ms(at).max(0) / 1000);
        let id = endpoint.id;
        text.push_str(&format!("gancho_waiting{{endpoint=\"{id}\"}} {}\n", backlog.pending));
        text.push_str(&format!("gancho_oldest_waiting_seconds{{endpoint=\"{id}\"}} {age_s}\n"));
        text.push_str(&format!(
            "gancho_endpoint_failing{{endpoint=\"{id}\"}} {}\n",
            u8::from(endpoint.health.is_failing())
        ));
    }
    Ok(text)
}
