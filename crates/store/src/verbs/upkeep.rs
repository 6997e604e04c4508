use async_trait::async_trait;
use gancho_model::{Moment, Timestamp};

use crate::StoreError;

/// Maintenance of the store.
#[async_trait]
pub trait Upkeep: Send + Sync {
    /// One small batch: fails deliveries that have waited since before `before` with the reason `expired`, removes what
    /// ended a day earlier, and removes old idempotency keys. Expired deliveries stay visible for a day, whatever their
    /// age.
    async fn prune(&self, before: Timestamp, now: Moment) -> Result<Pruned, StoreError>;

    /// Cancels some pending deliveries of removed endpoints; returns how many.
    async fn cancel_removed(&self) -> Result<u64, StoreError>;

    /// Figures that slow the database down as they grow.
    async fn vitals(&self) -> Result<Vitals, StoreError>;

    /// Whether the database responds.
    async fn ping(&self) -> Result<(), StoreError>;
}

/// Figures that slow a shared database down as they grow; all zero for a database file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Vitals {
    /// Dead rows per table, which the database has yet to remove.
    pub dead_rows: Vec<DeadRows>,
    /// The oldest open snapshot: later dead rows can't be removed.
    pub oldest: Option<OldSnapshot>,
    /// The time by the database's clock; `None` for a database file.
    pub now: Option<Timestamp>,
}

/// Live and dead rows of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadRows {
    /// Its name.
    pub table: String,
    /// Live rows.
    pub live: u64,
    /// Dead rows.
    pub dead: u64,
}

/// A transaction that has been open for a long time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OldSnapshot {
    /// Its program, by `application_name`, and its backend's process id.
    pub who: String,
    /// Its age in seconds.
    pub age_s: u64,
}

/// The result of one batch of pruning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Deliveries that expired.
    pub expired: u64,
    /// Events removed, with their deliveries and attempts.
    pub events: u64,
    /// Idempotency keys removed.
    pub repeats: u64,
    /// Outbox rows removed.
    pub processed: u64,
    /// Hourly counts removed.
    pub hours: u64,
    /// Issues removed.
    pub issues: u64,
    /// Jobs removed.
    pub jobs: u64,
    /// Bins expired.
    pub bins: u64,
}

impl Pruned {
    /// Whether nothing was removed.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}
