//! Changes that a transaction collects: written at its end, announced after its commit.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, OnceLock},
};

use gancho_model::{Counters, Decision, DeliveryId, EndpointId, Health, MonoTime, Priority, Timestamp};
use tokio::sync::watch;

use super::{HOUR_MS, routes::Routes};
use crate::{Claimed, DeliveryNotifier, Outcome};

/// Notifications to the engine after the commit.
pub(crate) enum Notification {
    Enqueue(Claimed),
    Due(EndpointId, Priority, MonoTime),
    Forget(EndpointId, DeliveryId),
}

/// Ordered by key, so that nodes lock rows in the same order and don't deadlock.
#[derive(Default)]
pub(crate) struct Pending {
    /// The feed's last number, if one was assigned.
    pub last: Option<i64>,
    /// The lowest number outside the feed, if one was assigned.
    pub lowest: Option<i64>,
    /// Change of the number of pending deliveries, by endpoint.
    pub waiting: BTreeMap<i64, i64>,
    /// Changed health, by endpoint.
    pub health: BTreeMap<i64, Health>,
    /// Outcomes of attempts, by endpoint and hour.
    pub hours: BTreeMap<(i64, i64), Counters>,
    pub notifications: Vec<Notification>,
    pub endpoints_changed: bool,
    /// Endpoints whose new health the engine must know; written with the others above.
    pub health_matters: BTreeSet<i64>,
    /// The same after the commit.
    pub health_changed: Vec<(EndpointId, Health)>,
    /// Whether data shown to users may have changed.
    pub has_changed: bool,
}

impl Pending {
    /// Adds to this endpoint's number of pending deliveries.
    pub fn add_waiting(&mut self, endpoint: i64, more: i64) {
        *self.waiting.entry(endpoint).or_default() += more;
    }

    /// The counters of the hour of this attempt.
    pub fn counters(&mut self, endpoint: i64, at: Timestamp) -> &mut Counters {
        self.hours.entry((endpoint, at.ms().div_euclid(HOUR_MS))).or_default()
    }

    /// Counts the outcome of an attempt.
    pub fn count(&mut self, endpoint: i64, outcome: &Outcome) {
        let counters = self.counters(endpoint, outcome.attempt.at);
        match outcome.verdict {
            Decision::Delivered => counters.note_delivered(outcome.attempt.duration_ms),
            Decision::Retry { .. } => counters.retried += 1,
            Decision::Failed => counters.failed += 1,
        }
    }

    /// Applies committed health to the endpoints in memory and notifies the engine. There may be very many endpoints,
    /// many failing at once: only changed ones are touched.
    pub fn show_health(&mut self, routes: &mut Option<Arc<Routes>>) {
        let changed = std::mem::take(&mut self.health_matters);
        if changed.is_empty() || self.endpoints_changed {
            return;
        }
        let Some(routes) = routes else {
            self.endpoints_changed = true;
            return;
        };
        let routes = Arc::make_mut(routes);
        for n in changed {
            if let Some(health) = self.health.get(&n) {
                self.health_changed.extend(routes.set_health(n, *health));
            }
        }
    }

    /// The next number of the feed; `last` is its last number before the transaction.
    pub fn next_in_feed(&mut self, last: i64) -> i64 {
        *self.last.insert(self.last.unwrap_or(last) + 1)
    }

    /// The next number outside the feed; `lowest` is the lowest before the transaction.
    pub fn next_off_feed(&mut self, lowest: i64) -> i64 {
        *self.lowest.insert(self.lowest.unwrap_or(lowest) - 1)
    }

    /// Cancels the engine's reservations: the transaction was rolled back.
    fn cancel(self, notifier: &dyn DeliveryNotifier) {
        for notification in self.notifications {
            if let Notification::Enqueue(claimed) = notification {
                notifier.cancel_reservation(claimed.endpoint);
            }
        }
    }

    fn notify(self, notifier: &dyn DeliveryNotifier) {
        if self.endpoints_changed {
            notifier.endpoints_changed();
        }
        if !self.health_changed.is_empty() {
            notifier.health_changed(self.health_changed);
        }
        let mut claimed = vec![];
        for notification in self.notifications {
            match notification {
                Notification::Enqueue(one) => claimed.push(one),
                Notification::Due(endpoint, lane, at) => notifier.due(endpoint, lane, at),
                Notification::Forget(endpoint, delivery) => notifier.forget(endpoint, delivery),
            }
        }
        if !claimed.is_empty() {
            notifier.enqueue(claimed);
        }
    }
}

/// Recipients of a commit's announcements.
pub(crate) struct Audience {
    /// The engine, once it is attached.
    pub notifier: Arc<OnceLock<Arc<dyn DeliveryNotifier>>>,
    /// The feed's last number.
    pub news: watch::Sender<u64>,
    /// Counts commits: data may have changed.
    pub pulse: watch::Sender<u64>,
}

impl Audience {
    /// Announces collected changes after their commit.
    pub fn announce(&self, pending: Pending) {
        if pending.has_changed {
            self.pulse.send_modify(|count| *count += 1);
        }
        if let Some(last) = pending.last.and_then(|last| u64::try_from(last).ok()) {
            self.follow_feed(last);
        }
        if let Some(notifier) = self.notifier.get() {
            pending.notify(&**notifier);
        }
    }

    /// Another node accepted events.
    pub fn follow_feed(&self, last: u64) {
        self.news.send_if_modified(|known| std::mem::replace(known, last.max(*known)) < last);
    }

    /// The collected changes were rolled back.
    pub fn cancel(&self, pending: Pending) {
        if let Some(notifier) = self.notifier.get() {
            pending.cancel(&**notifier);
        }
    }

    /// Asks the engine to reserve a slot.
    pub fn reserve(&self, endpoint: EndpointId, now: MonoTime) -> Option<MonoTime> {
        self.notifier.get()?.reserve(endpoint, now)
    }
}
