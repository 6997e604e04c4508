//! Records outcomes in groups: those that ended while the last group was being written.

use std::{sync::Arc, time::Duration};

use gancho_model::{Decision, Endpoint, HealthTransition, NodeId, Priority, mask};
use gancho_store::{HealthChange, Outcome, Store, StoreError};
use tokio::sync::mpsc;

use crate::{measure::Measures, notifier::Shared, unrecorded::Unrecorded};

/// Maximum outcomes in a group.
const GROUP_MAX: usize = 512;
/// A group of this size does not wait for more.
const ENOUGH: usize = 256;
/// How long a group waits for more outcomes: writing costs about the same for few or many. Reading or changing
/// deliveries flushes them at once ([`Unrecorded::settle`]).
const GATHER: Duration = Duration::from_millis(200);
/// Delay after a failed write, doubled up to the maximum.
const WAIT_MS: u64 = 50;
const WAIT_MS_MAX: u64 = 5_000;

/// Records until the last sender is dropped. Outcomes are kept in memory until they are written: a full disk delays
/// records but loses none.
pub(crate) async fn run(store: Arc<dyn Store>, node: NodeId, shared: Arc<Shared>, mut ended: mpsc::Receiver<Ended>) {
    let measures = Measures::new();
    let mut group = vec![];
    while ended.recv_many(&mut group, GROUP_MAX).await > 0 {
        gather(&mut group, &mut ended, &shared.unrecorded).await;
        let outcomes: Arc<[Outcome]> = group.drain(..).map(|ended| ended.outcome).collect();
        fail::fail_point!("recorder");
        measures.count(&outcomes);
        let changed = record_group(&*store, node, &outcomes, &shared.unrecorded).await;
        {
            let mut scheduler = shared.scheduler();
            for outcome in &*outcomes {
                scheduler.recorded(outcome.endpoint, outcome.delivery);
            }
        }
        shared.wake.notify_one();
        changed.iter().for_each(log_change);
    }
}

/// An attempt that ended.
pub(crate) struct Ended {
    outcome: Outcome,
    /// Whether its record may wait for others.
    may_wait: bool,
}

impl Ended {
    /// Only successes without consequences may wait: users wait for tests, failures determine what is sent next, and a
    /// success may end an outage.
    pub fn new(outcome: Outcome, endpoint: &Endpoint) -> Self {
        let has_arrived = outcome.verdict == Decision::Delivered;
        let may_wait = has_arrived && outcome.lane == Priority::Live && !endpoint.health.is_failing();
        Self { outcome, may_wait }
    }
}

/// Waits for more outcomes unless one is urgent.
async fn gather(group: &mut Vec<Ended>, ended: &mut mpsc::Receiver<Ended>, unrecorded: &Unrecorded) {
    let until = tokio::time::Instant::now() + GATHER;
    while group.len() < ENOUGH && group.iter().all(|ended| ended.may_wait) && !unrecorded.is_wanted() {
        let more = tokio::select! {
            biased;
            more = ended.recv_many(group, GROUP_MAX - ENOUGH) => more,
            () = unrecorded.asked() => continue,
            () = tokio::time::sleep_until(until) => 0,
        };
        // All senders are gone, or the time is up.
        if more == 0 {
            return;
        }
    }
}

async fn record_group(
    store: &dyn Store,
    node: NodeId,
    group: &Arc<[Outcome]>,
    unrecorded: &Unrecorded,
) -> Vec<HealthChange> {
    let mut wait_ms = WAIT_MS;
    loop {
        match store.record(node, group.clone()).await {
            Ok(changed) => {
                unrecorded.recorded(group.len());
                return changed;
            }
            Err(StoreError::Busy(why)) => tracing::warn!(%why, outcomes = group.len(), "outcomes wait to be recorded"),
            Err(error) => tracing::error!(%error, outcomes = group.len(), "outcomes can't be recorded; retrying"),
        }
        unrecorded.stuck();
        tokio::time::sleep(Duration::from_millis(wait_ms)).await;
        wait_ms = (wait_ms * 2).min(WAIT_MS_MAX);
    }
}

fn log_change(changed: &HealthChange) {
    let endpoint = changed.endpoint;
    match changed.transition {
        HealthTransition::Failing => {
            tracing::warn!(%endpoint, "an endpoint keeps failing; it is probed until it recovers");
        }
        HealthTransition::Recovered => tracing::info!(%endpoint, "an endpoint has recovered"),
        HealthTransition::Disabled => tracing::warn!(%endpoint, "an endpoint was disabled"),
    }
}

/// One self-contained line per failed attempt.
pub(crate) fn log_failure(outcome: &Outcome, url: &str) {
    if let Some(error) = &outcome.attempt.error {
        tracing::info!(
            delivery = %outcome.delivery,
            endpoint = %outcome.endpoint,
            url = mask::url(url),
            attempt = outcome.attempt.n,
            error = error.kind.as_str(),
            status = outcome.attempt.status_code,
            duration_ms = outcome.attempt.duration_ms,
            "an attempt failed: {}",
            error.message,
        );
    }
}
