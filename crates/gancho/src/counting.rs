//! Metrics for `/metrics`: set up and described here, counted where events occur.

use std::{sync::Arc, time::Duration};

use gancho_web::Metrics;
use metrics::{describe_counter, describe_gauge, describe_histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tokio_util::sync::CancellationToken;

use crate::logs::Dropped;

/// Interval of summing up histograms.
const COUNTED_EVERY: Duration = Duration::from_secs(5);

/// Starts counting; returns the renderer.
pub fn start_counting(dropped: Dropped) -> anyhow::Result<(Metrics, PrometheusHandle)> {
    let seconds = [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0];
    let sizes = [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0];
    let recorder = PrometheusBuilder::new()
        .set_buckets(&seconds)?
        .set_buckets_for_metric(Matcher::Full("gancho_commit_size".into()), &sizes)?
        .install_recorder()?;
    describe();
    let lines = metrics::counter!("gancho_log_lines_dropped_total");
    let handle = recorder.clone();
    let render = move || {
        lines.absolute(dropped.count());
        recorder.render()
    };
    Ok((Arc::new(render), handle))
}

/// Sums up recorded values at intervals, whether or not metrics are requested.
pub async fn sum_up(recorder: PrometheusHandle, stop: CancellationToken) {
    while tokio::time::timeout(COUNTED_EVERY, stop.cancelled()).await.is_err() {
        fail::fail_point!("metrics");
        recorder.run_upkeep();
    }
}

/// The help text of each metric; current gauges of endpoints and sources have theirs in `web/probe.rs`.
fn describe() {
    describe_counter!("gancho_events_accepted_total", "Events stored.");
    describe_counter!("gancho_attempts_total", "Attempts to deliver; result is ok or the kind of error.");
    describe_counter!("gancho_deliveries_delivered_total", "Deliveries that arrived.");
    describe_counter!("gancho_deliveries_failed_total", "Deliveries that were given up.");
    describe_counter!("gancho_deliveries_retried_total", "Attempts that failed and are made again.");
    describe_counter!("gancho_deliveries_skipped_total", "Deliveries that the rules of their webhook held back.");
    describe_counter!(
        "gancho_attempts_withdrawn_total",
        "Attempts that were not made for want of descriptors or memory."
    );
    describe_counter!("gancho_leases_lost_total", "Attempts that ended after their lease.");
    describe_counter!(
        "gancho_source_restarts_total",
        "How often the watching of a connection began anew after a fault."
    );
    describe_counter!("gancho_log_lines_dropped_total", "Lines of the log that nobody took in time.");
    describe_gauge!("gancho_source_lag_seconds", "Seconds from the last change in the ERP until it was read here.");
    describe_gauge!("gancho_source_backlog", "Rows that wait in the ERP.");
    describe_gauge!(
        "gancho_source_lost",
        "Changes that were dropped: the outbox was full, or a row could not be read."
    );
    describe_gauge!("gancho_database_rows", "Rows of PostgreSQL's tables, live and dead.");
    describe_gauge!(
        "gancho_database_oldest_snapshot_seconds",
        "How old the oldest snapshot of PostgreSQL is that is held."
    );
    describe_histogram!("gancho_attempt_seconds", "Time of attempts by phase: dns, connect, tls, first_byte, body.");
    describe_histogram!("gancho_commit_seconds", "Time of a commit, which a 202 waits for.");
    describe_histogram!("gancho_commit_size", "Pieces of work that share a commit.");
}
