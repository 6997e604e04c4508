//! Health checks and metrics for supervisors.

use std::sync::Arc;

use axum::{extract::State, http::StatusCode};
use gancho_model::Endpoint;
use gancho_store::{EndpointBacklog, StoreError};

use crate::App;

/// Alive as long as the server responds.
pub(crate) async fn alive() -> &'static str {
    "ok\n"
}

/// Ready if the store responds.
pub(crate) async fn ready(State(app): State<Arc<App>>) -> (StatusCode, &'static str) {
    match app.store.ping().await {
        Ok(()) => (StatusCode::OK, "ok\n"),
        Err(error) => {
            tracing::warn!(%error, "the store does not answer");
            (StatusCode::SERVICE_UNAVAILABLE, "the store does not answer\n")
        }
    }
}

/// Metrics and current backlogs in Prometheus' text format. No secrets: endpoints and sources by id.
pub(crate) async fn metrics(State(app): State<Arc<App>>) -> Result<String, StatusCode> {
    let unavailable = |error: StoreError| {
        tracing::warn!(%error, "the store does not answer");
        StatusCode::SERVICE_UNAVAILABLE
    };
    let gauges = [endpoints(&app).await.map_err(unavailable)?, sources(&app).await.map_err(unavailable)?].concat();
    let counted = app.metrics.as_ref().map_or_else(String::new, |render| render());
    Ok(counted + &gauges)
}

/// Counters start at 0: Prometheus sees no increase in one that starts at 1.
async fn endpoints(app: &App) -> Result<String, StoreError> {
    let endpoints = app.store.all_endpoints().await?;
    for (endpoint, ended) in endpoints.iter().flat_map(|one| ["delivered", "failed", "retried"].map(|end| (one, end))) {
        metrics::counter!(format!("gancho_deliveries_{ended}_total"), "endpoint" => endpoint.id.to_string())
            .increment(0);
    }
    let ids: Vec<_> = endpoints.iter().map(|endpoint| endpoint.id).collect();
    let backlogs = app.store.backlogs(ids).await?;
    let now = app.environment.now();
    let of_each = |value: &dyn Fn(&(&Endpoint, &EndpointBacklog)) -> i64| -> Vec<(String, i64)> {
        endpoints.iter().zip(&backlogs).map(|one| (one.0.id.to_string(), value(&one))).collect()
    };
    let waiting = of_each(&|(_, backlog)| i64::try_from(backlog.pending).unwrap_or(i64::MAX));
    let oldest = of_each(&|(_, backlog)| backlog.oldest_pending_at.map_or(0, |at| now.since_ms(at).max(0) / 1000));
    let failing = of_each(&|(endpoint, _)| i64::from(endpoint.health.is_failing()));
    Ok([
        gauge("gancho_waiting", "Deliveries that wait.", "endpoint", &waiting),
        gauge("gancho_oldest_waiting_seconds", "How long the oldest has waited.", "endpoint", &oldest),
        gauge("gancho_endpoint_failing", "1 while the webhook keeps failing.", "endpoint", &failing),
    ]
    .concat())
}

/// A paused source is not down.
async fn sources(app: &App) -> Result<String, StoreError> {
    let mut down = vec![];
    for source in app.store.sources().await? {
        metrics::counter!("gancho_source_restarts_total", "source" => source.id.to_string()).increment(0);
        let status = app.services.sources.status(source.id).unwrap_or_default();
        let is_down = !source.paused && (status.down || status.asks);
        down.push((source.id.to_string(), i64::from(is_down)));
    }
    Ok(gauge("gancho_source_down", "1 while the connection to the ERP does not work.", "source", &down))
}

/// A metric in Prometheus' format: its help and type, then its lines.
fn gauge(name: &str, help: &str, label: &str, values: &[(String, i64)]) -> String {
    let lines = values.iter().map(|(id, value)| format!("{name}{{{label}=\"{id}\"}} {value}\n"));
    format!("# HELP {name} {help}\n# TYPE {name} gauge\n{}", lines.collect::<String>())
}
