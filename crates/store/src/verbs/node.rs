use async_trait::async_trait;
use gancho_model::{NodeId, SourceId, Timestamp};

use crate::{Lease, StoreError};

/// Nodes: servers that use this database.
#[async_trait]
pub trait Nodes: Send + Sync {
    /// Active nodes, in the order of their start.
    async fn nodes(&self) -> Result<Vec<Node>, StoreError>;

    /// A node has stopped: others may take over without waiting for its expiry. `is_idle`: no attempt is under way, so
    /// its leases are released.
    async fn leave(&self, node: NodeId, is_idle: bool) -> Result<(), StoreError>;
}

/// A running server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// A new id at each start.
    pub id: NodeId,
    /// Host name and port.
    pub name: String,
    /// Its start.
    pub began_at: Timestamp,
    /// Number of endpoints that it serves.
    pub endpoints: u64,
    /// The sources that it watches.
    pub sources: Vec<SourceId>,
    /// Whether it runs the upkeep.
    pub upkeep: bool,
}

impl Node {
    /// Adds the sources and the upkeep whose leases it holds.
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
