use async_trait::async_trait;
use gancho_model::{MonoTime, NodeId, SourceId};

use crate::StoreError;

/// What only one node does at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lease {
    /// Keeping the store small.
    Upkeep,
    /// Watching a source's ERP.
    Source(SourceId),
}

/// Who does what only one node may do.
#[async_trait]
pub trait Leases: Send + Sync {
    /// Takes a lease until then, or holds on to it. Says whether this node has it now: one that another node holds
    /// can be taken when it has ended.
    async fn acquire_lease(
        &self,
        lease: Lease,
        node: NodeId,
        now: MonoTime,
        until: MonoTime,
    ) -> Result<bool, StoreError>;

    /// Gives a lease up, so that another node need not wait for its end. One that this node does not hold is left
    /// alone.
    async fn give_up_lease(&self, lease: Lease, node: NodeId) -> Result<(), StoreError>;
}
