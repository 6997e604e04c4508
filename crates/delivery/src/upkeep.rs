//! Removes old data in small batches, between other work.

use std::{sync::Arc, time::Duration};

use gancho_model::{Environment, Moment, MonoTime, NodeId, Timestamp};
use gancho_store::{DeadRows, Lease, Store};
use tokio_util::sync::CancellationToken;

/// Interval between runs that find nothing to do, and between measurements of the database, milliseconds.
const EVERY_MS: i64 = 60_000;
const EVERY: Duration = Duration::from_millis(EVERY_MS.unsigned_abs());
/// The pause between two batches, so that requests come first.
const PAUSE: Duration = Duration::from_millis(50);
/// How long a dead node keeps others from doing the upkeep, milliseconds.
const LEASE_MS: i64 = 3 * 60_000;
/// Minimum uptime before anything is removed by age, so that the clock can be trusted, milliseconds.
const SETTLE_MS: i64 = 3_600_000;
/// Tolerated clock drift, milliseconds.
const DRIFT_MS_MAX: i64 = 60_000;

/// Whether the wall clock can be trusted: what is removed because of a wrong clock is lost.
struct ClockTrust {
    drift_ms: i64,
    since: MonoTime,
    /// How far it is ahead of the clock of a shared database, milliseconds.
    ahead_ms: i64,
    is_told: bool,
}

impl ClockTrust {
    fn new(now: Moment) -> Self {
        Self { drift_ms: now.drift_ms(), since: now.mono, ahead_ms: 0, is_told: false }
    }

    /// Compares the clocks. If the wall clock was set by more than a minute since the start, or differs by that much
    /// from the clock of a shared database, it is not trusted: which value is right is unknown.
    fn look(&mut self, now: Moment) -> bool {
        let by_ms = now.drift_ms() - self.drift_ms;
        let (was_set, is_apart) = (by_ms.abs() > DRIFT_MS_MAX, self.ahead_ms.abs() > DRIFT_MS_MAX);
        if was_set && !self.is_told {
            tracing::warn!(
                by_s = by_ms / 1000,
                "the computer's clock was set; nothing is removed for its age until it is set back or Gancho is restarted"
            );
        } else if is_apart && !self.is_told {
            let ahead_s = self.ahead_ms / 1000;
            tracing::warn!(
                ahead_s,
                "the computer's clock is not the database's; nothing is removed for its age: set it (NTP)"
            );
        }
        self.is_told = was_set || is_apart;
        !self.is_told && now.mono.since_ms(self.since) >= SETTLE_MS
    }
}

pub(crate) async fn run(
    store: Arc<dyn Store>,
    node: NodeId,
    environment: Arc<dyn Environment>,
    retention_days: u32,
    stop: CancellationToken,
) {
    let mut clock = ClockTrust::new(environment.moment());
    let mut measured_at = None;
    while !stop.is_cancelled() {
        fail::fail_point!("upkeep");
        let now = environment.moment();
        if measured_at.is_none_or(|at| now.mono.since_ms(at) >= EVERY_MS) {
            measured_at = Some(now.mono);
            if let Some(there) = measure_database(&*store).await {
                clock.ahead_ms = environment.now().since_ms(there);
            }
        }
        let has_more = is_ours(&*store, node, now.mono).await && {
            let removed = cancel_removed(&*store).await;
            clock.look(now) && prune(&*store, retention_days, now).await || removed
        };
        if clock.is_told
            && let Err(error) = store.give_up_lease(Lease::Upkeep, node).await
        {
            // A node with a right clock is to have it.
            tracing::warn!(%error, "the upkeep's lease can't be released; retrying");
        }
        let wait = if has_more { PAUSE } else { EVERY };
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = stop.cancelled() => {}
        }
    }
    if let Err(error) = store.give_up_lease(Lease::Upkeep, node).await {
        tracing::warn!(%error, "the upkeep's lease can't be released; other nodes wait until it expires");
    }
}

/// Sets the gauges of the database's health; returns the time by its clock.
async fn measure_database(store: &dyn Store) -> Option<Timestamp> {
    // Callers that need the database log its errors already.
    let vitals = store.vitals().await.ok()?;
    for DeadRows { table, live, dead } in vitals.dead_rows {
        metrics::gauge!("gancho_database_rows", "table" => table.clone(), "state" => "live").set(live as f64);
        metrics::gauge!("gancho_database_rows", "table" => table, "state" => "dead").set(dead as f64);
    }
    let age_s = vitals.oldest.map_or(0, |oldest| oldest.age_s);
    metrics::gauge!("gancho_database_oldest_snapshot_seconds").set(age_s as f64);
    vitals.now
}

/// Whether this node does the upkeep now: one node at a time does.
async fn is_ours(store: &dyn Store, node: NodeId, now: MonoTime) -> bool {
    match store.acquire_lease(Lease::Upkeep, node, now, now.plus_ms(LEASE_MS)).await {
        Ok(is_ours) => is_ours,
        Err(error) => {
            tracing::warn!(%error, "the upkeep's lease can't be acquired; retrying");
            false
        }
    }
}

/// Cancels pending deliveries of removed endpoints; returns whether there may be more.
async fn cancel_removed(store: &dyn Store) -> bool {
    match store.cancel_removed().await {
        Ok(count) => count > 0,
        Err(error) => {
            tracing::warn!(%error, "pending deliveries of removed webhooks could not be cancelled; retrying");
            false
        }
    }
}

/// Removes what is older than the retention; returns whether there may be more.
async fn prune(store: &dyn Store, retention_days: u32, now: Moment) -> bool {
    let retention_ms = i64::from(retention_days) * 24 * 3_600_000;
    match store.prune(now.wall.plus_ms(-retention_ms), now).await {
        Ok(pruned) if !pruned.is_nothing() => {
            let (expired, events) = (pruned.expired, pruned.events);
            tracing::debug!(expired, events, "removed what is older than the retention");
            true
        }
        Ok(_) => false,
        Err(error) => {
            tracing::warn!(%error, "old events could not be removed; retrying");
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_MS: i64 = 3_600_000;

    /// This long after the start, with the wall clock this far ahead.
    fn at(ms: i64, ahead_ms: i64) -> Moment {
        Moment { wall: Timestamp::from_ms(ms + ahead_ms), mono: MonoTime::from_ms(ms) }
    }

    #[test]
    fn nothing_is_removed_in_the_first_hour() {
        let mut clock = ClockTrust::new(at(0, 0));
        assert!(!clock.look(at(HOUR_MS - 1, 0)));
        assert!(clock.look(at(HOUR_MS, 59_000)), "a minute is nothing");
    }

    /// A node that starts with a wrong clock would expire what the others accepted, and remove what is not old.
    #[test]
    fn a_clock_that_is_not_the_database_s_is_not_believed() {
        for ahead_ms in [40 * 24 * HOUR_MS, -40 * 24 * HOUR_MS, 61_000, -61_000] {
            let mut clock = ClockTrust::new(at(0, ahead_ms));
            clock.ahead_ms = ahead_ms;
            assert!(!clock.look(at(2 * HOUR_MS, ahead_ms)), "{ahead_ms}");
            clock.ahead_ms = 0;
            assert!(clock.look(at(3 * HOUR_MS, ahead_ms)), "{ahead_ms}: the database's was set");
        }
    }

    #[test]
    fn a_clock_that_was_set_is_not_believed_until_it_is_set_back() {
        for step_ms in [2 * HOUR_MS, -2 * HOUR_MS, 40 * 24 * HOUR_MS, -40 * 24 * HOUR_MS, 61_000] {
            let mut clock = ClockTrust::new(at(0, 0));
            assert!(clock.look(at(2 * HOUR_MS, 0)));
            assert!(!clock.look(at(3 * HOUR_MS, step_ms)));
            assert!(!clock.look(at(400 * HOUR_MS, step_ms)), "{step_ms}");
            assert!(clock.look(at(401 * HOUR_MS, 0)), "{step_ms}: set back");
        }
    }
}
