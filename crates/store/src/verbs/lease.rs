use async_trait::async_trait;
use gancho_model::{MonoTime, NodeId, SourceId};

use crate::StoreError;

/// A task that only one node runs at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lease {
    /// Upkeep of the store.
    Upkeep,
    /// Watching a source's ERP.
    Source(SourceId),
}

/// Leases of tasks that only one node runs.
#[async_trait]
pub trait Leases: Send + Sync {
    /// Acquires or extends a lease until then. Returns whether this node holds it now: another node's lease can be
    /// taken after it has ended.
    async fn acquire_lease(
        &self,
        lease: Lease,
        node: NodeId,
        now: MonoTime,
        until: MonoTime,
    ) -> Result<bool, StoreError>;

    /// Releases a lease, so that another node need not wait for its end. Has no effect unless this node holds it.
    async fn give_up_lease(&self, lease: Lease, node: NodeId) -> Result<(), StoreError>;
}
