//! The nodes that use this database. Each extends its own expiry; other nodes take over from an expired one.

use std::time::Duration;

use async_trait::async_trait;
use const_format::formatcp;
use gancho_model::{MonoTime, NodeId, Timestamp};
use sqlx::Row as _;

use super::{
    PostgresStore, job, lease, rows, rows::PENDING, served_endpoints::DRAINED_MS, serving, write_context::WriteContext,
};
use crate::{Lease, Node, Nodes, StoreError};

/// A node expires after this long without a heartbeat, milliseconds.
const ALIVE_MS: i64 = 15_000;
/// A transaction that begins with less than this until expiry sends a heartbeat first, milliseconds. A hanging node's
/// transaction is ended sooner by its timeouts.
const LEFT_MS_MIN: i64 = 10_000;
/// Interval of [`maintain`].
pub(super) const MAINTAIN_EVERY: Duration = Duration::from_secs(1);

#[async_trait]
impl Nodes for PostgresStore {
    async fn nodes(&self) -> Result<Vec<Node>, StoreError> {
        let now = self.shared.clock.kept(self.shared.environment.mono());
        let mut db = self.read_now().await?;
        let select = "SELECT id, name, began_at, (SELECT count(*) FROM serving WHERE node = nodes.id), \
            ARRAY(SELECT name FROM leases WHERE node = nodes.id AND leases.until > $1 ORDER BY name) \
            FROM nodes WHERE until > $1 ORDER BY began_at, id";
        all!(db, select, now).iter().map(node_of).collect()
    }

    async fn leave(&self, node: NodeId, is_idle: bool) -> Result<(), StoreError> {
        self.write_now(false, async move |context| leave(context, node, is_idle).await).await
    }
}

fn node_of(row: &sqlx::postgres::PgRow) -> Result<Node, StoreError> {
    let leases: Vec<String> = row.try_get(4)?;
    let leases: Vec<Lease> = leases.iter().filter_map(|name| lease::parse_lease(name)).collect();
    let node = Node {
        id: NodeId::from_bytes(rows::id(row, 0)?),
        name: row.try_get(1)?,
        began_at: rows::time(row, 2)?,
        endpoints: rows::count(row, 3)?,
        sources: vec![],
        upkeep: false,
    };
    Ok(node.with_leases(&leases))
}

/// Registers this node.
pub(super) async fn join(
    context: &mut WriteContext,
    node: NodeId,
    began_at: Timestamp,
    now: MonoTime,
) -> Result<(), StoreError> {
    let until = now.plus_ms(ALIVE_MS);
    let name = context.name.clone();
    let insert = "INSERT INTO nodes (id, until, name, began_at) VALUES ($1, $2, $3, $4) \
        ON CONFLICT (id) DO UPDATE SET until = excluded.until";
    let kept = context.clock.kept(until);
    run!(&mut context.db, insert, node.bytes().as_slice(), kept, rows::storable(&name), began_at.ms());
    context.alive_until(until);
    Ok(())
}

/// Extends this node's expiry if it is near, so that leases are taken only by a node that has not expired.
pub(super) async fn heartbeat(context: &mut WriteContext) -> Result<(), StoreError> {
    let (now, node) = (context.environment.mono(), context.node.get().copied());
    let (Some(node), Some(until)) = (node, context.is_alive_until()) else { return Ok(()) };
    if until.since_ms(now) >= LEFT_MS_MIN {
        return Ok(());
    }
    let update = "UPDATE nodes SET until = $2 WHERE id = $1 AND until > $3";
    let until = now.plus_ms(ALIVE_MS);
    let (kept_until, kept) = (context.clock.kept(until), context.clock.kept(now));
    if run!(&mut context.db, update, node.bytes().as_slice(), kept_until, kept) == 1 {
        context.alive_until(until);
        return Ok(());
    }
    tracing::warn!("this node had expired after a long pause; it registers again");
    context.serving.forget();
    let wall = context.environment.now();
    join(context, node, wall, now).await
}

/// Removes expired nodes, rebalances endpoints, and notifies the engine of deliveries whose endpoint no node serves.
pub(super) async fn maintain(context: &mut WriteContext, node: NodeId) -> Result<(), StoreError> {
    let (clock, environment) = (context.clock.clone(), context.environment.clone());
    clock.follow(&mut context.db, &*environment).await?;
    let now = environment.mono();
    remove_expired(context, now).await?;
    serving::rebalance(context, node, now).await?;
    let wall = context.environment.now();
    job::interrupt(&mut context.db, wall).await?;
    serving::notify_unserved(context, now).await
}

/// Removes expired nodes. A row locked by its node's heartbeat is skipped.
pub(super) async fn remove_expired(context: &mut WriteContext, now: MonoTime) -> Result<(), StoreError> {
    let delete = "DELETE FROM nodes WHERE id IN (SELECT id FROM nodes WHERE until <= $1 FOR UPDATE SKIP LOCKED)";
    let gone = run!(&mut context.db, delete, context.clock.kept(now));
    if gone > 0 {
        tracing::info!(gone, "removed expired nodes");
    }
    Ok(())
}

/// Lets this node expire in a second. Until then no other node starts attempts to its endpoints: `rate_per_s` counts by
/// the second.
async fn leave(context: &mut WriteContext, node: NodeId, is_idle: bool) -> Result<(), StoreError> {
    if is_idle {
        let release = formatcp!(
            "UPDATE deliveries SET due = leased, leased = NULL, node = NULL \
            WHERE state = {PENDING} AND leased IS NOT NULL AND node = $1"
        );
        run!(&mut context.db, release, node.bytes().as_slice());
    }
    let until = context.clock.kept(context.environment.mono().plus_ms(DRAINED_MS));
    run!(&mut context.db, "UPDATE nodes SET until = least(until, $2) WHERE id = $1", node.bytes().as_slice(), until);
    context.serving.forget();
    context.has_left();
    Ok(())
}
