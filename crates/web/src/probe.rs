//! For supervisors: is it alive, can it work, what does it do?

use std::sync::Arc;

use axum::{extract::State, http::StatusCode};
use gancho_store::StoreError;

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

/// What the parts counted, and what waits now, in Prometheus' text format. No secrets: endpoints and sources by id.
pub(crate) async fn metrics(State(app): State<Arc<App>>) -> Result<String, StatusCode> {
    let unavailable = |error: StoreError| {
        tracing::warn!(%error, "the store does not answer");
        StatusCode::SERVICE_UNAVAILABLE
    };
    let gauges = [endpoints(&app).await.map_err(unavailable)?, sources(&app).await.map_err(unavailable)?].concat();
    let counted = app.metrics.as_ref().map_or_else(String::new, |render| render());
    Ok(counted + &gauges)
}

/// Counters begin at 0: of one that begins at 1, Prometheus sees no increase.
async fn endpoints(app: &App) -> Result<String, StoreError> {
    let endpoints = app.store.all_endpoints().await?;
    for (endpoint, ended) in endpoints.iter().flat_map(|one| ["delivered", "failed", "retried"].map(|end| (one, end))) {
        metrics::counter!(format!("gancho_deliveries_{ended}_total"), "endpoint" => endpoint.id.to_string())
            .increment(0);
    }
    let ids: Vec<_> = endpoints.iter().map(|endpoint| endpoint.id).collect();
    let backlogs = app.store.backlogs(ids).await?;
    let now = app.environment.now();
    let mut text = String::new();
    for name in ["gancho_waiting", "gancho_oldest_waiting_seconds", "gancho_endpoint_failing"] {
        text.push_str(&format!("# TYPE {name} gauge\n"));
    }
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

/// A source that a person paused is not down.
async fn sources(app: &App) -> Result<String, StoreError> {
    let mut text = "# TYPE gancho_source_down gauge\n".to_owned();
    for source in app.store.sources().await? {
        metrics::counter!("gancho_source_restarts_total", "source" => source.id.to_string()).increment(0);
        let status = app.services.sources.status(source.id).unwrap_or_default();
        let is_down = !source.paused && (status.down || status.asks);
        text.push_str(&format!("gancho_source_down{{source=\"{}\"}} {}\n", source.id, u8::from(is_down)));
    }
    Ok(text)
}
