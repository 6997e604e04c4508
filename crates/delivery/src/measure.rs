//! The engine's metrics for `/metrics`.

use std::collections::HashMap;

use gancho_model::{Decision, EndpointId, Phases};
use gancho_store::Outcome;
use metrics::Histogram;

/// Durations of attempts by phase.
pub(crate) struct Measures {
    dns: Histogram,
    connect: Histogram,
    tls: Histogram,
    first_byte: Histogram,
    body: Histogram,
}

impl Measures {
    pub fn new() -> Self {
        let phase = |name: &'static str| metrics::histogram!("gancho_attempt_seconds", "phase" => name);
        Self {
            dns: phase("dns"),
            connect: phase("connect"),
            tls: phase("tls"),
            first_byte: phase("first_byte"),
            body: phase("body"),
        }
    }

    /// Counts a group of attempts by endpoint and result, and their durations.
    pub fn count(&self, group: &[Outcome]) {
        let mut results: HashMap<(EndpointId, &'static str), u64> = HashMap::new();
        let mut ends: HashMap<(EndpointId, &'static str), u64> = HashMap::new();
        for outcome in group {
            let result = outcome.attempt.error.as_ref().map_or("ok", |error| error.kind.as_str());
            *results.entry((outcome.endpoint, result)).or_default() += 1;
            let end = match outcome.verdict {
                Decision::Delivered => "gancho_deliveries_delivered_total",
                Decision::Failed => "gancho_deliveries_failed_total",
                Decision::Retry { .. } => "gancho_deliveries_retried_total",
            };
            *ends.entry((outcome.endpoint, end)).or_default() += 1;
            self.phases(&outcome.attempt.phases);
        }
        for ((endpoint, result), count) in results {
            metrics::counter!("gancho_attempts_total", "endpoint" => endpoint.to_string(), "result" => result)
                .increment(count);
        }
        for ((endpoint, end), count) in ends {
            metrics::counter!(end, "endpoint" => endpoint.to_string()).increment(count);
        }
    }

    fn phases(&self, phases: &Phases) {
        let Phases { dns_ms, connect_ms, tls_ms, first_byte_ms, body_ms } = *phases;
        for (histogram, ms) in [
            (&self.dns, dns_ms),
            (&self.connect, connect_ms),
            (&self.tls, tls_ms),
            (&self.first_byte, first_byte_ms),
            (&self.body, body_ms),
        ] {
            if let Some(ms) = ms {
                histogram.record(f64::from(ms) / 1000.0);
            }
        }
    }
}
