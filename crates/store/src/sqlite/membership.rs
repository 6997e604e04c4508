//! The only node of this database: the process that has its file open.

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use gancho_model::{NodeId, Timestamp};

use super::SqliteStore;
use crate::{Node, Nodes, StoreError};

/// This node, once it has taken over.
pub(super) struct Here {
    name: String,
    since: Mutex<Option<(NodeId, Timestamp)>>,
}

impl Here {
    pub fn new(name: String) -> Self {
        Self { name, since: Mutex::default() }
    }

    pub fn set(&self, since: Option<(NodeId, Timestamp)>) {
        *self.since.lock().unwrap_or_else(PoisonError::into_inner) = since;
    }

    /// Whether this node is that one.
    pub fn is(&self, node: NodeId) -> bool {
        self.get().is_some_and(|(here, _)| here == node)
    }

    fn get(&self) -> Option<(NodeId, Timestamp)> {
        *self.since.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Nodes for SqliteStore {
    async fn nodes(&self) -> Result<Vec<Node>, StoreError> {
        let Some((id, began_at)) = self.here.get() else { return Ok(vec![]) };
        let count = "SELECT count(*) FROM endpoints WHERE removed_at IS NULL";
        let endpoints: i64 = self.read_now(move |db| Ok(db.query_row(count, [], |row| row.get(0))?)).await?;
        let (name, endpoints) = (self.here.name.clone(), endpoints.unsigned_abs());
        let node = Node { id, name, began_at, endpoints, sources: vec![], upkeep: false };
        Ok(vec![node.with_leases(&self.leases.of(id, self.environment.mono()))])
    }

    async fn leave(&self, node: NodeId, _: bool) -> Result<(), StoreError> {
        if self.here.is(node) {
            self.here.set(None);
        }
        Ok(())
    }
}
