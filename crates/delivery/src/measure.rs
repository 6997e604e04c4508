//! What the engine counts, for `/metrics`.

use gancho_model::{Phases, Verdict};
use gancho_store::Outcome;

/// Counts an attempt: by endpoint and how it ended, and where its time went.
pub(crate) fn attempt(outcome: &Outcome) {
    let endpoint = outcome.endpoint.to_string();
    let result = outcome.attempt.error.as_ref().map_or("ok", |error| error.kind.as_str());
    metrics::counter!("gancho_attempts_total", "endpoint" => endpoint.clone(), "result" => result).increment(1);
    let ended = match outcome.verdict {
        Verdict::Delivered => "gancho_deliveries_delivered_total",
        Verdict::Failed => "gancho_deliveries_failed_total",
        Verdict::Retry { .. } => "gancho_deliveries_retried_total",
    };
    metrics::counter!(ended, "endpoint" => endpoint).increment(1);
    let Phases { dns_ms, connect_ms, tls_ms, first_byte_ms, body_ms } = outcome.attempt.phases;
    let phases =
        [("dns", dns_ms), ("connect", connect_ms), ("tls", tls_ms), ("first_byte", first_byte_ms), ("body", body_ms)];
    for (phase, ms) in phases.into_iter().filter_map(|(phase, ms)| Some((phase, ms?))) {
        metrics::histogram!("gancho_attempt_seconds", "phase" => phase).record(f64::from(ms) / 1000.0);
    }
}
