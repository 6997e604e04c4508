use std::sync::Arc;

use gancho_model::{DeliveryId, EndpointId, Health, MonoTime, Priority};
use sqlx::postgres::PgConnectOptions;

use super::{
    Db, Shared,
    begin::{BEGIN, BEGIN_FLUSHED, in_time},
    broadcast::NodeMessage,
    connector,
    new_rows::NewRows,
    numbers::{self, Numbers},
    partition::Partitions,
    rows,
    served_endpoints::ServedEndpoints,
    stats, waiting,
};
pub(super) use crate::stored::pending::Notification;
use crate::{
    StoreError, stored,
    stored::{
        pending::{Audience, Pending},
        routes::Routes,
    },
};

/// State of the writer: the connection, cached data, and the pending changes of the current transaction until it
/// commits.
pub(super) struct WriteContext {
    pub db: Db,
    address: PgConnectOptions,
    shared: Shared,
    audience: Audience,
    /// Endpoints that are not removed, with their numbers; reloaded after each change.
    routes: Option<Arc<Routes>>,
    is_open: bool,
    /// Whether the connection is unusable.
    is_lost: bool,
    pub pending: Pending,
    own: Own,
    /// Which endpoints this node serves.
    pub serving: ServedEndpoints,
    /// The partitions of events.
    pub partitions: Partitions,
    /// Until when other nodes consider this one active; `None` before it joined.
    alive_until: Option<MonoTime>,
    /// The version of the endpoints in `routes`.
    endpoint_version: i64,
    /// The version of endpoints that plans of deliveries must be based on; it rises with changes by any node.
    plan_version: u64,
}

impl std::ops::Deref for WriteContext {
    type Target = Shared;
    fn deref(&self) -> &Shared {
        &self.shared
    }
}

/// What the open transaction collects.
#[derive(Default)]
struct Own {
    numbers: Option<Numbers>,
    /// The version of endpoints, once it is locked.
    locked_version: Option<u64>,
    /// Written together, before other statements use them.
    new: NewRows,
    /// Number of changes that made plans stale.
    stale: i64,
    /// Whether endpoints changed.
    endpoints_changed: bool,
    /// The message to other nodes.
    message: NodeMessage,
    /// Whether to send it.
    has_changed: bool,
}

impl WriteContext {
    pub fn new((db, address): (Db, PgConnectOptions), shared: Shared, audience: Audience) -> Self {
        Self {
            db,
            address,
            shared,
            audience,
            routes: None,
            is_open: false,
            is_lost: false,
            pending: Pending::default(),
            own: Own::default(),
            serving: ServedEndpoints::default(),
            partitions: Partitions::default(),
            alive_until: None,
            endpoint_version: 0,
            plan_version: 0,
        }
    }

    /// Until when other nodes consider this one active; `None` before it joined and after it left.
    pub fn is_alive_until(&self) -> Option<MonoTime> {
        self.alive_until
    }

    /// Other nodes consider this one active until then.
    pub fn alive_until(&mut self, until: MonoTime) {
        self.alive_until = Some(until);
    }

    /// This node has left.
    pub fn has_left(&mut self) {
        self.alive_until = None;
    }

    /// Data shown to users may have changed, on every node.
    pub fn mark_changed(&mut self) {
        self.own.has_changed = true;
        self.pending.has_changed = true;
    }

    /// Cancels a delivery on every node.
    pub fn cancel_everywhere(&mut self, endpoint: EndpointId, delivery: DeliveryId) {
        self.own.message.add_cancelled(endpoint, delivery);
        self.notify_later(Notification::Forget(endpoint, delivery));
    }

    /// Notifies the node that serves this endpoint of a due delivery.
    pub fn broadcast_due(&mut self, endpoint: EndpointId, lane: Priority) {
        self.own.message.add_due(endpoint, lane);
    }

    /// Any node may serve this endpoint from now on.
    pub fn broadcast_released(&mut self, endpoint: i64) {
        self.own.message.add_released(endpoint);
    }

    /// Another node accepted events, up to this number.
    pub fn follow_feed(&mut self, last: i64) {
        self.audience.follow_feed(last.unsigned_abs());
    }

    /// Another node changed endpoints: they are reloaded.
    pub fn follow_endpoints(&mut self, version: i64) {
        if self.endpoint_version != version {
            self.endpoint_version = version;
            self.plan_version = 0;
            self.routes = None;
            self.pending.endpoints_changed = true;
            self.pending.has_changed = true;
        }
    }

    /// The version of endpoints that a plan of deliveries must be based on. It is locked from here to the end of the
    /// transaction.
    pub async fn plan_version(&mut self) -> Result<u64, StoreError> {
        let version = match self.own.locked_version {
            Some(version) => version,
            None => self.lock_numbers().await?.plan_version,
        };
        self.own.locked_version = Some(version);
        // This transaction's own changes are not written yet.
        let version = version + self.own.stale.unsigned_abs();
        self.follow(version);
        Ok(version)
    }

    /// Reloads endpoints if another node changed them.
    fn follow(&mut self, version: u64) {
        if self.plan_version != version {
            self.plan_version = version;
            self.routes = None;
            self.pending.endpoints_changed = true;
        }
    }

    /// Publishes the endpoints to planners if they changed; between two transactions.
    pub async fn publish_endpoints(&mut self) -> Result<(), StoreError> {
        self.execute("BEGIN READ ONLY; SET LOCAL lock_timeout = '4s'").await?;
        let done = self.publish_if_new().await;
        self.execute("COMMIT").await?;
        done
    }

    async fn publish_if_new(&mut self) -> Result<(), StoreError> {
        let version = "SELECT value FROM meta WHERE name = 'plan_version'";
        let version = scalar!(&mut self.db, i64, version).unwrap_or_default().unsigned_abs();
        self.follow(version);
        if self.published.get().version != version {
            let routes = self.routes().await?;
            self.published.publish(version, &routes);
        }
        Ok(())
    }

    /// Begins a transaction; with `flush`, its commit returns when it is on disk.
    pub async fn begin(&mut self, flush: bool) -> Result<(), StoreError> {
        let begin = if flush { BEGIN_FLUSHED } else { BEGIN };
        if self.is_lost || self.execute(begin).await.is_err() {
            // The connection is lost, or a transaction was left open on it.
            self.is_lost = true;
            self.db = connector::connect(&self.address).await?;
            self.is_lost = false;
            tracing::warn!("lost the connection to the database; reconnected");
            self.execute(begin).await?;
        }
        self.is_open = true;
        Ok(())
    }

    async fn execute(&mut self, statement: &'static str) -> Result<(), sqlx::Error> {
        sqlx::raw_sql(statement).execute(&mut self.db).await.map(drop)
    }

    /// Whether the connection is lost and reconnecting has not succeeded yet.
    pub fn is_lost(&self) -> bool {
        self.is_lost
    }

    /// Drops the connection: the next transaction opens another one.
    pub fn give_up(&mut self) {
        self.is_lost = true;
    }

    /// Writes new rows: statements that follow find them.
    pub async fn write_new(&mut self) -> Result<(), StoreError> {
        let new = std::mem::take(&mut self.own.new);
        self.partitions.cover(&mut self.db, new.arrival_times()).await?;
        let handles = new.write(&mut self.db).await?;
        for notification in &mut self.pending.notifications {
            if let Notification::Enqueue(claimed) = notification
                && let Some(handle) = handles.get(claimed.id.bytes().as_slice())
            {
                claimed.handle = *handle;
            }
        }
        Ok(())
    }

    /// The event and deliveries to write.
    pub fn new_rows(&mut self) -> &mut NewRows {
        &mut self.own.new
    }

    pub async fn commit(&mut self) -> Result<(), StoreError> {
        self.write_new().await?;
        let Pending { waiting: changes, health, hours, .. } = &self.pending;
        let changed: Vec<(&i64, &i64)> = changes.iter().filter(|(_, more)| **more != 0).collect();
        let (endpoints, more): (Vec<i64>, Vec<i64>) = changed.into_iter().unzip();
        waiting::add_changes(&mut self.db, endpoints, more).await?;
        for (endpoint, health) in health {
            let kept = stored::to_json(&self.shared.clock.kept_health(*health));
            run!(&mut self.db, "UPDATE endpoints SET health = $2 WHERE n = $1", endpoint, kept);
        }
        stats::add(&mut self.db, hours).await?;
        if self.own.stale > 0 {
            let rise = "UPDATE meta SET value = value + $1 WHERE name = 'plan_version' RETURNING value";
            let version = scalar!(&mut self.db, i64, rise, self.own.stale).unwrap_or_default();
            self.plan_version = version.unsigned_abs();
        }
        if self.own.endpoints_changed {
            let rise = "UPDATE meta SET value = value + 1 WHERE name = 'endpoint_version' RETURNING value";
            let version = scalar!(&mut self.db, i64, rise).unwrap_or_default();
            // If another node changed any meanwhile, they are reloaded.
            self.endpoint_version = if version == self.endpoint_version + 1 { version } else { 0 };
        }
        // A transaction in which a statement failed would be rolled back by COMMIT, without an error.
        self.execute("SELECT 1; COMMIT").await?;
        self.is_open = false;
        self.pending.show_health(&mut self.routes);
        if self.pending.endpoints_changed {
            // Reloads them with the health just written.
            self.routes = None;
        }
        Ok(())
    }

    pub async fn roll_back(&mut self) {
        if std::mem::take(&mut self.is_open) && !self.is_lost && in_time(self.execute("ROLLBACK")).await.is_err() {
            self.give_up();
        }
        let pending = std::mem::take(&mut self.pending);
        (self.own, self.routes) = (Own::default(), None);
        (self.plan_version, self.endpoint_version) = (0, 0);
        self.serving.forget();
        self.partitions.forget();
        // The heartbeat may have been rolled back.
        self.alive_until = self.alive_until.map(|_| self.environment.mono());
        self.audience.cancel(pending);
    }

    /// Notifies the engine of what was committed.
    pub async fn notify(&mut self) {
        let is_old = self.pending.endpoints_changed || self.published.get().version != self.plan_version;
        if is_old && let Err(error) = in_time(self.publish_endpoints()).await {
            // Plans are refused until this succeeds, at the next commit.
            self.give_up();
            tracing::error!(%error, "endpoints can't be read again");
        }
        let Own { message, has_changed, .. } = std::mem::take(&mut self.own);
        if self.serving.others() > 0 && (has_changed || !message.is_empty()) {
            self.broadcaster.send(NodeMessage { from: self.node.get().copied(), ..message });
        }
        self.audience.announce(std::mem::take(&mut self.pending));
    }

    /// Pending deliveries of an endpoint, as of this transaction.
    pub async fn waiting_for(&mut self, endpoint: i64) -> Result<u64, StoreError> {
        let committed = waiting::count_waiting(&mut self.db, endpoint).await?;
        let more = self.pending.waiting.get(&endpoint).copied().unwrap_or(0);
        Ok(u64::try_from(committed + more).unwrap_or(0))
    }

    /// Sends this notification after the commit.
    pub fn notify_later(&mut self, notification: Notification) {
        self.pending.notifications.push(notification);
    }

    /// Asks the engine to reserve a slot.
    pub fn reserve(&self, endpoint: EndpointId, now: MonoTime) -> Option<MonoTime> {
        self.audience.reserve(endpoint, now)
    }

    /// This node's id, as stored in rows.
    pub fn node_bytes(&self) -> Option<Vec<u8>> {
        self.node.get().map(|node| node.bytes().to_vec())
    }

    /// The next number of the feed, or outside it. The numbers are locked until the transaction ends: the feed has the
    /// order of commits, without gaps.
    pub async fn next_number(&mut self, in_feed: bool) -> Result<i64, StoreError> {
        let numbers = self.lock_numbers().await?;
        if in_feed {
            return Ok(self.pending.next_in_feed(numbers.last));
        }
        let known = match self.pending.lowest {
            Some(lowest) => lowest,
            None => numbers::lowest_number(&mut self.db).await?,
        };
        Ok(self.pending.next_off_feed(known))
    }

    /// Locks the numbers and reads what accepted events need, in one statement. Other nodes wait until the transaction
    /// ends.
    async fn lock_numbers(&mut self) -> Result<Numbers, StoreError> {
        if let Some(known) = self.own.numbers {
            return Ok(known);
        }
        let numbers = numbers::lock_numbers(&mut self.db).await?;
        Ok(*self.own.numbers.insert(numbers))
    }

    /// An endpoint's health as of this transaction, with its row locked.
    pub async fn health(&mut self, endpoint: i64) -> Result<Option<Health>, StoreError> {
        if let Some(health) = self.pending.health.get(&endpoint) {
            return Ok(Some(*health));
        }
        let select = "SELECT health FROM endpoints WHERE n = $1 FOR NO KEY UPDATE";
        let found = scalar!(&mut self.db, String, select, endpoint);
        let health: Option<Health> = found.map(|text| stored::from_json(&text)).transpose()?;
        Ok(health.map(|health| self.clock.own_health(health)))
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
        self.own.endpoints_changed = true;
        self.routes = None;
        self.pending.endpoints_changed = true;
    }

    /// The same for changes that affect which endpoints get an event.
    pub fn plans_are_stale(&mut self) {
        self.own.stale += 1;
        self.endpoints_changed();
    }

    /// All endpoints that are not removed.
    pub async fn routes(&mut self) -> Result<Arc<Routes>, StoreError> {
        if let Some(routes) = &self.routes {
            return Ok(routes.clone());
        }
        let all =
            rows::endpoints(&mut self.db, &self.shared.vault, &self.shared.clock, "removed_at IS NULL ORDER BY n")
                .await?;
        Ok(self.routes.insert(Arc::new(Routes::new(all))).clone())
    }

    /// An endpoint's number, if it is not removed.
    pub async fn number_of(&mut self, id: EndpointId) -> Result<i64, StoreError> {
        let routes = self.routes().await?;
        routes.find(id).map(|(n, _)| *n).ok_or(StoreError::NotFound)
    }
}
