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

    /// Whether the store answers.
    async fn ping(&self) -> Result<(), StoreError>;
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
