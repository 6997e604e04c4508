//! Leases for tasks that only one node runs. A database file has one process, whose start ends all earlier leases: they
//! are kept in memory.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use gancho_model::{MonoTime, NodeId};

use super::SqliteStore;
use crate::{Lease, Leases, StoreError};

/// The holder of each lease, and its end.
#[derive(Default)]
pub(super) struct LeaseTable(Mutex<HashMap<Lease, (NodeId, MonoTime)>>);

impl LeaseTable {
    fn lock(&self) -> MutexGuard<'_, HashMap<Lease, (NodeId, MonoTime)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LeaseTable {
    /// The leases that a node holds now.
    pub fn of(&self, node: NodeId, now: MonoTime) -> Vec<Lease> {
        let leases = self.lock();
        leases.iter().filter(|(_, (holder, until))| *holder == node && *until > now).map(|(lease, _)| *lease).collect()
    }
}

#[async_trait]
impl Leases for SqliteStore {
    async fn acquire_lease(
        &self,
        lease: Lease,
        node: NodeId,
        now: MonoTime,
        until: MonoTime,
    ) -> Result<bool, StoreError> {
        let mut leases = self.leases.lock();
        let is_free = leases.get(&lease).is_none_or(|(holder, ends)| *holder == node || *ends <= now);
        if is_free {
            leases.insert(lease, (node, until));
        }
        Ok(is_free)
    }

    async fn give_up_lease(&self, lease: Lease, node: NodeId) -> Result<(), StoreError> {
        self.leases.lock().retain(|known, (holder, _)| *known != lease || *holder != node);
        Ok(())
    }
}
