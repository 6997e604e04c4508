//! Leases for tasks that only one node runs.

use async_trait::async_trait;
use gancho_model::{MonoTime, NodeId};

use super::PostgresStore;
use crate::{Lease, Leases, StoreError};

/// The name of a lease in its table.
fn name(lease: Lease) -> String {
    match lease {
        Lease::Upkeep => "upkeep".to_owned(),
        Lease::Source(source) => format!("source {source}"),
    }
}

/// The lease of this name; `None` for one of a newer version.
pub(super) fn parse_lease(name: &str) -> Option<Lease> {
    match name.strip_prefix("source ") {
        Some(source) => source.parse().ok().map(Lease::Source),
        None => (name == "upkeep").then_some(Lease::Upkeep),
    }
}

#[async_trait]
impl Leases for PostgresStore {
    async fn acquire_lease(
        &self,
        lease: Lease,
        node: NodeId,
        now: MonoTime,
        until: MonoTime,
    ) -> Result<bool, StoreError> {
        let upsert = "INSERT INTO leases (name, node, until) VALUES ($1, $2, $3) ON CONFLICT (name) DO UPDATE \
            SET node = $2, until = $3 WHERE leases.node = $2 OR leases.until <= $4";
        self.write_now(false, async move |context| {
            let (now, until) = (context.clock.kept(now), context.clock.kept(until));
            Ok(run!(&mut context.db, upsert, name(lease), node.bytes().as_slice(), until, now) == 1)
        })
        .await
    }

    async fn give_up_lease(&self, lease: Lease, node: NodeId) -> Result<(), StoreError> {
        self.write_now(false, async move |context| {
            let delete = "DELETE FROM leases WHERE name = $1 AND node = $2";
            run!(&mut context.db, delete, name(lease), node.bytes().as_slice());
            Ok(())
        })
        .await
    }
}
