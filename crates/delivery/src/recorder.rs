//! Outcomes go to the store in groups: whatever ended while the last group was being written.

use std::{sync::Arc, time::Duration};

use gancho_model::{Decision, HealthTransition, NodeId, Priority, mask};
use gancho_store::{HealthChange, Outcome, Store, StoreError};
use tokio::sync::mpsc;

use crate::{measure::Measures, notifier::Shared};

/// Outcomes in one group.
const GROUP_MAX: usize = 512;
/// Where as many end at once, more are on their way, and a group costs the store much the same whether it holds few or many.
/// Fewer are recorded at once: whoever got a webhook may ask for the next thing.
const CROWD: usize = 4;
/// From so many on a group is not kept waiting for more.
const ENOUGH: usize = 64;
/// How long a crowd waits for more. Only what arrived may wait: what that decides is only that it is not sent again.
const GATHER: Duration = Duration::from_millis(10);
/// The wait after a store that can't write, doubled up to the longest.
const WAIT_MS: u64 = 50;
const WAIT_MS_MAX: u64 = 5_000;

/// Records until the last sender is gone. An outcome is kept in memory until it is written: a
/// full disk costs time, not records.
pub(crate) async fn run(store: Arc<dyn Store>, node: NodeId, shared: Arc<Shared>, mut ended: mpsc::Receiver<Outcome>) {
    let measures = Measures::new();
    let mut group = vec![];
    while ended.recv_many(&mut group, GROUP_MAX).await > 0 {
        gather(&mut group, &mut ended).await;
        let outcomes: Arc<[Outcome]> = std::mem::take(&mut group).into();
        fail::fail_point!("recorder");
        measures.count(&outcomes);
        let changed = record_group(&*store, node, &outcomes).await;
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

/// Waits for more where they come in crowds and nobody is in a hurry.
async fn gather(group: &mut Vec<Outcome>, ended: &mut mpsc::Receiver<Outcome>) {
    if group.len() < CROWD {
        return;
    }
    let until = tokio::time::Instant::now() + GATHER;
    while group.len() < ENOUGH && group.iter().all(may_wait) {
        let more = tokio::time::timeout_at(until, ended.recv_many(group, GROUP_MAX)).await;
        // Nobody sends any more, or the time is up.
        if more.unwrap_or(0) == 0 {
            return;
        }
    }
}

/// Whether nothing follows from it but that it arrived: a person waits for a test, and failures decide what is sent next.
fn may_wait(outcome: &Outcome) -> bool {
    outcome.verdict == Decision::Delivered && outcome.lane == Priority::Live
}

async fn record_group(store: &dyn Store, node: NodeId, group: &Arc<[Outcome]>) -> Vec<HealthChange> {
    let mut wait_ms = WAIT_MS;
    loop {
        match store.record(node, group.clone()).await {
            Ok(changed) => return changed,
            Err(StoreError::Busy(why)) => tracing::warn!(%why, outcomes = group.len(), "outcomes wait to be recorded"),
            Err(error) => tracing::error!(%error, outcomes = group.len(), "outcomes can't be recorded; trying again"),
        }
        tokio::time::sleep(Duration::from_millis(wait_ms)).await;
        wait_ms = (wait_ms * 2).min(WAIT_MS_MAX);
    }
}

fn log_change(changed: &HealthChange) {
    let endpoint = changed.endpoint;
    match changed.transition {
        HealthTransition::Failing => {
            tracing::warn!(%endpoint, "an endpoint keeps failing; one probe at a time from here on");
        }
        HealthTransition::Recovered => tracing::info!(%endpoint, "an endpoint works again"),
        HealthTransition::Disabled => tracing::warn!(%endpoint, "an endpoint was disabled"),
    }
}

/// One line for an attempt that failed, readable alone.
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
