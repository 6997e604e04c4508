use async_trait::async_trait;
use gancho_model::{Moment, Timestamp};

use crate::StoreError;

/// What keeps the store small and sound.
#[async_trait]
pub trait Upkeep: Send + Sync {
    /// Fails what waited longer than until `before` with the reason `expired`, removes what ended a day before
    /// that, and forgets repeats: one small batch. What expired is kept for a day to be seen, however old it is.
    async fn prune(&self, before: Timestamp, now: Moment) -> Result<Pruned, StoreError>;

    /// Cancels some of what still waits for removed endpoints; returns how many.
    async fn cancel_removed(&self) -> Result<u64, StoreError>;

    /// What makes the database slower and slower, if it grows.
    async fn vitals(&self) -> Result<Vitals, StoreError>;

    /// Whether the store answers.
    async fn ping(&self) -> Result<(), StoreError>;
}

/// What makes a shared database slower and slower; a database file of one process has none of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Vitals {
    /// Rows of each table that are of no use any more, and wait to be removed by the database.
    pub dead_rows: Vec<DeadRows>,
    /// Who looks at the database as it was longest ago: what is of no use since then can't be removed.
    pub oldest: Option<OldSnapshot>,
}

/// Of one table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadRows {
    /// Its name.
    pub table: String,
    /// Rows that count.
    pub live: u64,
    /// Rows that don't any more.
    pub dead: u64,
}

/// A transaction that has been open for long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OldSnapshot {
    /// Whose: the program, as it names itself, and the number of its process in the database.
    pub who: String,
    /// For how long, seconds.
    pub age_s: u64,
}

/// What one batch of pruning did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Deliveries that expired.
    pub expired: u64,
    /// Events removed, with their deliveries and attempts.
    pub events: u64,
    /// Repeats forgotten.
    pub repeats: u64,
    /// Rows of outboxes forgotten.
    pub processed: u64,
    /// Hours whose counts were forgotten.
    pub hours: u64,
    /// Issues forgotten.
    pub issues: u64,
    /// Pieces of work forgotten.
    pub jobs: u64,
    /// Bins that expired.
    pub bins: u64,
}

impl Pruned {
    /// Whether there may be more to do.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}
