use async_trait::async_trait;
use gancho_model::{NodeId, SourceId, Timestamp};

use crate::{Lease, StoreError};

/// Who works on this database.
#[async_trait]
pub trait Nodes: Send + Sync {
    /// The nodes that are there, in the order of their coming.
    async fn nodes(&self) -> Result<Vec<Node>, StoreError>;

    /// A node ends, with nothing under way any more: others need not wait for the end of what it held.
    async fn leave(&self, node: NodeId) -> Result<(), StoreError>;
}

/// A server at work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Which: another one after each start.
    pub id: NodeId,
    /// What people know it by.
    pub name: String,
    /// Since when it is there.
    pub began_at: Timestamp,
    /// How many endpoints it serves: one node at a time does.
    pub endpoints: u64,
    /// The sources that it watches.
    pub sources: Vec<SourceId>,
    /// Whether it keeps the store small.
    pub upkeep: bool,
}

impl Node {
    /// With what it holds leases of.
    pub(crate) fn with_leases(mut self, leases: &[Lease]) -> Self {
        for lease in leases {
            match lease {
                Lease::Upkeep => self.upkeep = true,
                Lease::Source(source) => self.sources.push(*source),
            }
        }
        self.sources.sort_unstable();
        self
    }
}
