use std::sync::Arc;

use gancho_model::{EndpointId, Environment, Health, MonoTime};
use rusqlite::{Connection, params};

use super::{numbers, rows, stats, waiting::WaitingCounts};
pub(super) use crate::stored::pending::Notification;
use crate::{
    StoreError,
    stored::{
        pending::{Audience, Pending},
        routes::{PublishedEndpoints, Routes},
    },
    vault::Vault,
};

/// State of the writer: the connection, cached data, and the pending changes of the current transaction until it
/// commits.
pub(super) struct WriteContext {
    pub db: Connection,
    pub vault: Arc<Vault>,
    pub environment: Arc<dyn Environment>,
    pub resend_after_outage: bool,
    audience: Audience,
    /// Endpoints that are not removed, with their numbers; reloaded after each change.
    routes: Option<Arc<Routes>>,
    flushes: bool,
    pub pending: Pending,
    waiting: WaitingCounts,
    /// The feed's last number and the lowest one outside it, as of the last commit, once read.
    numbers: Option<(i64, i64)>,
    /// SQLite's `data_version`, which changes with other processes' commits: caches must then be reloaded.
    data_version: i64,
    /// Rises whenever earlier plans of deliveries become invalid.
    plan_version: u64,
    /// The endpoints for planners, as of the last commit.
    published: PublishedEndpoints,
}

impl WriteContext {
    pub fn new(db: Connection, vault: Arc<Vault>, environment: Arc<dyn Environment>, audience: Audience) -> Self {
        Self {
            db,
            vault,
            environment,
            resend_after_outage: true,
            audience,
            routes: None,
            flushes: true,
            pending: Pending::default(),
            waiting: WaitingCounts::default(),
            numbers: None,
            data_version: 0,
            plan_version: 0,
            published: PublishedEndpoints::default(),
        }
    }

    /// Pending counts, once they are followed.
    pub fn waiting(&self) -> WaitingCounts {
        self.waiting.clone()
    }

    /// The endpoints that plans of deliveries are based on.
    pub fn published(&self) -> PublishedEndpoints {
        self.published.clone()
    }

    /// The version of endpoints that a plan of deliveries must be based on.
    pub fn plan_version(&self) -> u64 {
        self.plan_version
    }

    /// Publishes the endpoints to planners if they changed.
    pub fn publish_endpoints(&mut self) -> Result<(), StoreError> {
        if self.plan_version > 0 && self.published.get().version == self.plan_version {
            return Ok(());
        }
        self.plan_version = self.plan_version.max(1);
        let routes = self.routes()?;
        self.published.publish(self.plan_version, &routes);
        Ok(())
    }

    /// Begins a transaction; with `flush`, its commit returns when it is on disk. `synchronous` is set between
    /// transactions, never inside one.
    pub fn begin(&mut self, flush: bool) -> Result<(), StoreError> {
        if flush != self.flushes {
            self.db.pragma_update(None, "synchronous", if flush { "FULL" } else { "NORMAL" })?;
            self.flushes = flush;
        }
        self.db.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        self.reload_if_changed().inspect_err(|_| {
            // Not begun; the next one checks again.
            self.roll_back();
            self.data_version = -1;
        })
    }

    /// Pending deliveries of an endpoint, as of this transaction.
    pub fn waiting_for(&self, endpoint: i64) -> Result<u64, StoreError> {
        let committed = self.waiting.of(&self.db, endpoint)?;
        let more =
            if self.waiting.is_followed() { self.pending.waiting.get(&endpoint).copied().unwrap_or(0) } else { 0 };
        Ok(committed.saturating_add_signed(more))
    }

    /// Reloads caches if another process changed anything.
    fn reload_if_changed(&mut self) -> Result<(), StoreError> {
        if self.is_changed_by_others()? {
            self.plans_are_stale();
            self.numbers = None;
            self.waiting.follow_again(&self.db)?;
        }
        Ok(())
    }

    /// Whether another process changed anything since the last call.
    pub fn is_changed_by_others(&mut self) -> rusqlite::Result<bool> {
        let version = self.db.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))?;
        Ok(std::mem::replace(&mut self.data_version, version) != version)
    }

    pub fn commit(&mut self) -> Result<(), StoreError> {
        for (endpoint, health) in &self.pending.health {
            let mut set = self.db.prepare_cached("UPDATE endpoints SET health = ?2 WHERE n = ?1")?;
            set.execute(params![endpoint, rows::to_json(health)])?;
        }
        stats::add(&self.db, &self.pending.hours)?;
        self.db.prepare_cached("COMMIT")?.execute([])?;
        self.waiting.add(&self.pending.waiting);
        if let Some((last, lowest)) = self.numbers {
            self.numbers = Some((self.pending.last.unwrap_or(last), self.pending.lowest.unwrap_or(lowest)));
        }
        self.pending.show_health(&mut self.routes);
        if self.pending.endpoints_changed {
            // Reloads them with the health just written.
            self.routes = None;
        }
        Ok(())
    }

    pub fn roll_back(&mut self) {
        if !self.db.is_autocommit() {
            // A full disk may already have caused a rollback.
            let _ = self.db.execute_batch("ROLLBACK");
        }
        let pending = std::mem::take(&mut self.pending);
        self.routes = None;
        self.audience.cancel(pending);
    }

    /// Notifies the engine of what was committed.
    pub fn notify(&mut self) {
        if let Err(error) = self.publish_endpoints() {
            // Plans are refused until this succeeds, at the next commit.
            tracing::error!(%error, "endpoints can't be read again");
        }
        self.audience.announce(std::mem::take(&mut self.pending));
    }

    /// Sends this notification after the commit.
    pub fn notify_later(&mut self, notification: Notification) {
        self.pending.notifications.push(notification);
    }

    /// Asks the engine to reserve a slot.
    pub fn reserve(&self, endpoint: EndpointId, now: MonoTime) -> Option<MonoTime> {
        self.audience.reserve(endpoint, now)
    }

    /// The next number of the feed, or the next one outside it.
    pub fn next_number(&mut self, in_feed: bool) -> Result<i64, StoreError> {
        // As of the last commit: read before this transaction writes.
        let (last, lowest) = match self.numbers {
            Some(known) => known,
            None => *self.numbers.insert(numbers::last_numbers(&self.db)?),
        };
        Ok(if in_feed { self.pending.next_in_feed(last) } else { self.pending.next_off_feed(lowest) })
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

    pub fn set_health(&mut self, endpoint: i64, health: Health) {
        self.pending.health.insert(endpoint, health);
    }

    /// The engine must be notified of this endpoint's new health.
    pub fn health_matters(&mut self, endpoint: i64) {
        self.pending.health_matters.insert(endpoint);
    }

    /// Endpoints changed: reload them, here and in the engine.
    pub fn endpoints_changed(&mut self) {
        self.routes = None;
        self.pending.endpoints_changed = true;
    }

    /// The same for changes that affect which endpoints get an event.
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
