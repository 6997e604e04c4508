use std::{
    collections::HashMap,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use gancho_model::{Counters, DeliveryId, Endpoint, EndpointId, Environment, Health, MonoTime, Priority, Timestamp};
use rusqlite::{Connection, params};
use tokio::sync::watch;

use super::{rows, stats};
use crate::{Claimed, DeliveryNotifier, EndpointSnapshot, StoreError, vault::Vault};

/// What the writer works with: the connection, what it keeps in memory, and what the transaction
/// at hand will have changed when it commits.
pub(super) struct WriteContext {
    pub db: Connection,
    pub vault: Arc<Vault>,
    pub environment: Arc<dyn Environment>,
    pub resend_after_outage: bool,
    notifier: Arc<OnceLock<Arc<dyn DeliveryNotifier>>>,
    news: watch::Sender<u64>,
    /// Counts commits: something may look different now.
    pulse: watch::Sender<u64>,
    /// Endpoints that are not removed, with their numbers; read again after each change.
    routes: Option<Arc<Routes>>,
    flushes: bool,
    pending: Pending,
    /// SQLite's own count of what other processes changed: what is kept in memory is not assumed to be this one's.
    data_version: i64,
    /// Rises whenever plans of deliveries that were made before are not right any more.
    plan_version: u64,
    /// The endpoints for those who plan, as of the last commit.
    snapshot: Snapshot,
}

/// Endpoints that are not removed, with their numbers, in their order.
pub(super) struct Routes {
    all: Vec<(i64, Endpoint)>,
    places: HashMap<EndpointId, usize>,
}

impl Routes {
    fn new(all: Vec<(i64, Endpoint)>) -> Self {
        let places = all.iter().enumerate().map(|(place, (_, endpoint))| (endpoint.id, place)).collect();
        Self { all, places }
    }

    pub fn iter(&self) -> impl Iterator<Item = &(i64, Endpoint)> {
        self.all.iter()
    }

    pub fn find(&self, id: EndpointId) -> Option<&(i64, Endpoint)> {
        self.places.get(&id).map(|place| &self.all[*place])
    }
}

/// Endpoints as of a commit, shared with whoever plans deliveries.
pub(super) type Snapshot = Arc<Mutex<Arc<EndpointSnapshot>>>;

/// What the open transaction gathers.
#[derive(Default)]
struct Pending {
    /// The feed's last number and the lowest one outside it, if touched.
    sequence: Option<(i64, i64)>,
    /// How many more deliveries wait, by endpoint.
    waiting: HashMap<i64, i64>,
    /// Health that changed, by endpoint.
    health: HashMap<i64, Health>,
    /// What became of attempts, by endpoint and hour.
    hours: HashMap<(i64, i64), Counters>,
    notifications: Vec<Notification>,
    endpoints_changed: bool,
}

/// What to notify the engine of after the commit.
pub(super) enum Notification {
    Enqueue(Claimed),
    Due(EndpointId, Priority, MonoTime),
    Forget(EndpointId, DeliveryId),
}

impl WriteContext {
    pub fn new(
        db: Connection,
        vault: Arc<Vault>,
        environment: Arc<dyn Environment>,
        notifier: Arc<OnceLock<Arc<dyn DeliveryNotifier>>>,
        news: watch::Sender<u64>,
        pulse: watch::Sender<u64>,
    ) -> Self {
        Self {
            db,
            vault,
            environment,
            resend_after_outage: true,
            notifier,
            news,
            pulse,
            routes: None,
            flushes: true,
            pending: Pending::default(),
            data_version: 0,
            plan_version: 0,
            snapshot: Snapshot::default(),
        }
    }

    /// What plans of deliveries are made from.
    pub fn snapshot(&self) -> Snapshot {
        self.snapshot.clone()
    }

    /// The version of endpoints that a plan of deliveries must be made from.
    pub fn plan_version(&self) -> u64 {
        self.plan_version
    }

    /// Shows the endpoints to those who plan, if they are not what was shown before.
    pub fn publish_endpoints(&mut self) -> Result<(), StoreError> {
        let is_shown = |snapshot: &Arc<EndpointSnapshot>| snapshot.version == self.plan_version;
        if self.plan_version > 0 && is_shown(&self.snapshot.lock().unwrap_or_else(PoisonError::into_inner)) {
            return Ok(());
        }
        self.plan_version = self.plan_version.max(1);
        let endpoints = self.routes()?.iter().map(|(_, endpoint)| endpoint.clone()).collect();
        let snapshot = Arc::new(EndpointSnapshot { version: self.plan_version, endpoints });
        *self.snapshot.lock().unwrap_or_else(PoisonError::into_inner) = snapshot;
        Ok(())
    }

    /// Begins a transaction; with `flush`, its commit returns when it is on disk. The level is
    /// switched between transactions, never inside one.
    pub fn begin(&mut self, flush: bool) -> Result<(), StoreError> {
        if flush != self.flushes {
            self.db.pragma_update(None, "synchronous", if flush { "FULL" } else { "NORMAL" })?;
            self.flushes = flush;
        }
        self.db.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        self.reload_if_changed()
    }

    /// Endpoints are read again where another process changed anything.
    fn reload_if_changed(&mut self) -> Result<(), StoreError> {
        if self.is_changed_by_others()? {
            self.plans_are_stale();
        }
        Ok(())
    }

    /// Whether another process changed anything since this was asked last.
    pub fn is_changed_by_others(&mut self) -> rusqlite::Result<bool> {
        let version = self.db.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))?;
        Ok(std::mem::replace(&mut self.data_version, version) != version)
    }

    pub fn commit(&mut self) -> Result<(), StoreError> {
        if let Some((last, lowest)) = self.pending.sequence {
            let mut set = self.db.prepare_cached("UPDATE meta SET value = ?2 WHERE name = ?1")?;
            set.execute(params!["sequence", last])?;
            set.execute(params!["off_feed", lowest])?;
        }
        for (endpoint, more) in &self.pending.waiting {
            let mut add = self.db.prepare_cached("UPDATE endpoints SET pending = pending + ?2 WHERE n = ?1")?;
            add.execute([endpoint, more])?;
        }
        for (endpoint, health) in &self.pending.health {
            let mut set = self.db.prepare_cached("UPDATE endpoints SET health = ?2 WHERE n = ?1")?;
            set.execute(params![endpoint, rows::to_json(health)])?;
        }
        stats::add(&self.db, &self.pending.hours)?;
        self.db.prepare_cached("COMMIT")?.execute([])?;
        if self.pending.endpoints_changed {
            // Read again with the health that was written just now.
            self.routes = None;
        }
        Ok(())
    }

    pub fn roll_back(&mut self) {
        if !self.db.is_autocommit() {
            // A full disk may have rolled back already.
            let _ = self.db.execute_batch("ROLLBACK");
        }
        let pending = std::mem::take(&mut self.pending);
        self.routes = None;
        if let Some(notifier) = self.notifier.get() {
            for notification in pending.notifications {
                if let Notification::Enqueue(claimed) = notification {
                    notifier.cancel_reservation(claimed.endpoint);
                }
            }
        }
    }

    /// Notifies the engine of what was committed.
    pub fn notify(&mut self) {
        if let Err(error) = self.publish_endpoints() {
            // Plans are refused until it is done, at the next commit.
            tracing::error!(%error, "endpoints can't be read again");
        }
        let pending = std::mem::take(&mut self.pending);
        self.pulse.send_modify(|count| *count += 1);
        if let Some(last) = pending.sequence.and_then(|(last, _)| u64::try_from(last).ok()) {
            self.news.send_if_modified(|known| std::mem::replace(known, last) != last);
        }
        let Some(notifier) = self.notifier.get() else { return };
        if pending.endpoints_changed {
            notifier.endpoints_changed();
        }
        let mut claimed = vec![];
        for notification in pending.notifications {
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

    /// Notified after the commit.
    pub fn notify_later(&mut self, notification: Notification) {
        self.pending.notifications.push(notification);
    }

    /// Asks the engine for a place.
    pub fn reserve(&self, endpoint: EndpointId, now: MonoTime) -> Option<MonoTime> {
        self.notifier.get()?.reserve(endpoint, now)
    }

    /// The next number of the feed, or the next one outside it.
    pub fn next_number(&mut self, in_feed: bool) -> Result<i64, StoreError> {
        let (last, lowest) = match self.pending.sequence {
            Some(known) => known,
            None => {
                let mut get = self.db.prepare_cached("SELECT value FROM meta WHERE name = ?1")?;
                let mut number = |name: &str| get.query_row([name], |row| row.get(0));
                (number("sequence")?, number("off_feed")?)
            }
        };
        let next = if in_feed { (last + 1, lowest) } else { (last, lowest - 1) };
        self.pending.sequence = Some(next);
        Ok(if in_feed { next.0 } else { next.1 })
    }

    /// So many more deliveries wait for this endpoint.
    pub fn waiting(&mut self, endpoint: i64, more: i64) {
        *self.pending.waiting.entry(endpoint).or_default() += more;
    }

    /// An endpoint's health as of this transaction.
    pub fn health(&self, endpoint: i64) -> Result<Option<Health>, StoreError> {
        if let Some(health) = self.pending.health.get(&endpoint) {
            return Ok(Some(*health));
        }
        let mut get = self.db.prepare_cached("SELECT health FROM endpoints WHERE n = ?1")?;
        let mut found = get.query([endpoint])?;
        found.next()?.map(|row| rows::from_json(&row.get::<_, String>(0)?)).transpose()
    }

    /// What became of an attempt.
    pub fn counters(&mut self, endpoint: i64, at: Timestamp) -> &mut Counters {
        self.pending.hours.entry((endpoint, at.ms().div_euclid(stats::HOUR_MS))).or_default()
    }

    pub fn set_health(&mut self, endpoint: i64, health: Health) {
        self.pending.health.insert(endpoint, health);
    }

    /// Endpoints were changed: read them again, here and in the engine.
    pub fn endpoints_changed(&mut self) {
        self.routes = None;
        self.pending.endpoints_changed = true;
    }

    /// The same, in a way that matters for who gets an event.
    pub fn plans_are_stale(&mut self) {
        self.plan_version += 1;
        self.endpoints_changed();
    }

    /// All endpoints that are not removed.
    pub fn routes(&mut self) -> Result<Arc<Routes>, StoreError> {
        if let Some(routes) = &self.routes {
            return Ok(routes.clone());
        }
        let routes = Routes::new(rows::endpoints(&self.db, &self.vault, "removed_at IS NULL ORDER BY n", [])?);
        Ok(self.routes.insert(Arc::new(routes)).clone())
    }

    /// An endpoint's number, if it is not removed.
    pub fn number_of(&mut self, id: EndpointId) -> Result<i64, StoreError> {
        let routes = self.routes()?;
        routes.find(id).map(|(n, _)| *n).ok_or(StoreError::NotFound)
    }
}
