use async_trait::async_trait;
use gancho_model::Timestamp;

use crate::StoreError;

/// What keeps the store small and sound.
#[async_trait]
pub trait Upkeep: Send + Sync {
    /// Fails what waited longer than until `before` with the reason `expired`, removes what ended
    /// a day before that, and cancels what waits for removed endpoints: one small batch.
    async fn prune(&self, before: Timestamp, now: Timestamp) -> Result<Pruned, StoreError>;

    /// Whether the store answers.
    async fn ping(&self) -> Result<(), StoreError>;
}

/// What one batch of pruning did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Deliveries that expired.
    pub expired: u64,
    /// Deliveries cancelled because their endpoint was removed.
    pub cancelled: u64,
    /// Events removed, with their deliveries and attempts.
    pub events: u64,
    /// Repeats forgotten.
    pub repeats: u64,
    /// Hours whose counts were forgotten.
    pub hours: u64,
}

impl Pruned {
    /// Whether there may be more to do.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}
