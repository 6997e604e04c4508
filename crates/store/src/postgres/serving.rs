//! Which node serves an endpoint. Only one does at a time, so `max_in_flight` and `rate_per_s` hold across nodes
//! although each node counts separately.
//!
//! The first node to take an endpoint keeps it until that node expires. With several nodes, a node releases idle
//! endpoints and half of its surplus over the node with the fewest.

use const_format::formatcp;
use gancho_model::{EndpointId, MonoTime, NodeId, Priority};
use sqlx::Row as _;

use super::{
    rows,
    rows::PENDING,
    waiting::WAITING,
    write_context::{Notification, WriteContext},
};
use crate::{Due, StoreError};

/// Takes or keeps an endpoint for this node; returns whether this node serves it now. An endpoint of an expired node
/// can be taken once the leases of its deliveries have ended. A free one is deferred while another node serves fewer.
pub(super) async fn acquire_endpoint(
    context: &mut WriteContext,
    node: NodeId,
    endpoint: i64,
    now: MonoTime,
) -> Result<bool, StoreError> {
    if let Some(known) = context.serving.known(endpoint, now) {
        return Ok(known);
    }
    if context.serving.is_deferred(endpoint, now) {
        return Ok(false);
    }
    let upsert = formatcp!(
        "INSERT INTO serving (endpoint, node) VALUES ($1, $2) ON CONFLICT (endpoint) DO UPDATE SET node = $2 \
        WHERE serving.node = $2 OR NOT EXISTS (SELECT 1 FROM nodes WHERE id = serving.node AND until > $3) \
        AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.state = {PENDING} AND d.endpoint = $1 AND d.lane IN (0, 1, 2) \
        AND d.due > $3 AND d.leased IS NOT NULL AND d.node = serving.node)"
    );
    let (node, kept) = (node.bytes().as_slice(), context.clock.kept(now));
    let is_ours = run!(&mut context.db, upsert, endpoint, node, kept) == 1;
    context.serving.learn(endpoint, is_ours, now);
    if is_ours {
        // Another node may have served it until now: only the database has its current health.
        if let Some(health) = context.health(endpoint).await? {
            context.set_health(endpoint, health);
            context.health_matters(endpoint);
        }
    }
    Ok(is_ours)
}

/// Counts the other nodes' endpoints and releases idle and surplus ones.
pub(super) async fn rebalance(context: &mut WriteContext, node: NodeId, now: MonoTime) -> Result<(), StoreError> {
    let select =
        "SELECT count(s.endpoint) FROM nodes a LEFT JOIN serving s ON s.node = a.id WHERE a.id <> $1 GROUP BY a.id";
    let counts = column!(&mut context.db, i64, select, node.bytes().as_slice());
    let fewest = counts.iter().min().copied().unwrap_or(0).unsigned_abs();
    context.serving.set_others(counts.len() as u64, fewest);
    if counts.is_empty() {
        return Ok(());
    }
    let surplus = context.serving.surplus();
    context.serving.leave(surplus);
    let candidates = context.serving.candidates(now);
    if candidates.is_empty() {
        return Ok(());
    }
    let drained = formatcp!("SELECT endpoint FROM serving WHERE {IS_DRAINED}");
    let (node, kept) = (node.bytes().as_slice(), context.clock.kept(now));
    let drained = column!(&mut context.db, i64, drained, node, candidates, kept);
    let ready = context.serving.ready_to_release(&drained, now);
    let delete = formatcp!("DELETE FROM serving WHERE {IS_DRAINED} RETURNING endpoint");
    for endpoint in column!(&mut context.db, i64, delete, node, ready, kept) {
        context.serving.released(endpoint, now);
        context.broadcast_released(endpoint);
    }
    Ok(())
}

/// This node's endpoints among `$2` that have no leased delivery.
const IS_DRAINED: &str = formatcp!(
    "node = $1 AND endpoint = ANY($2) AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.state = {PENDING} \
    AND d.endpoint = serving.endpoint AND d.lane IN (0, 1, 2) AND d.due > $3 AND d.leased IS NOT NULL AND d.node = $1)"
);

/// The next due delivery per queue, for endpoints served by `node` or by no node.
pub(super) async fn waiting(
    context: &mut WriteContext,
    node: Option<NodeId>,
    now: MonoTime,
) -> Result<Vec<Due>, StoreError> {
    let select = formatcp!(
        "SELECT p.n, p.id, l.lane, d.due FROM endpoints p JOIN ({WAITING}) AS w ON w.endpoint = p.n CROSS JOIN (VALUES (0), (1), (2)) AS l (lane) \
        CROSS JOIN LATERAL (SELECT due FROM deliveries WHERE state = {PENDING} AND endpoint = p.n AND lane = l.lane \
        ORDER BY due LIMIT 1) AS d \
        LEFT JOIN serving s ON s.endpoint = p.n LEFT JOIN nodes a ON a.id = s.node AND a.until > $1 \
        WHERE w.count > 0 AND p.removed_at IS NULL AND (a.id IS NULL OR a.id = $2)"
    );
    let node = node.map(|node| node.bytes().to_vec());
    let mut found = vec![];
    for row in all!(&mut context.db, select, context.clock.kept(now), node) {
        context.serving.ask_again(row.try_get(0)?);
        let endpoint = EndpointId::from_bytes(rows::id(&row, 1)?);
        let lane = Priority::ALL.iter().find(|lane| **lane as i32 == row.try_get::<i32, _>(2).unwrap_or(-1));
        let lane = *lane.ok_or_else(|| rows::damaged("a queue"))?;
        found.push(Due { endpoint, lane, at: context.clock.own(row.try_get(3)?) });
    }
    Ok(found)
}

/// Notifies the engine of deliveries whose endpoint no node serves.
pub(super) async fn notify_unserved(context: &mut WriteContext, now: MonoTime) -> Result<(), StoreError> {
    for due in waiting(context, None, now).await? {
        context.notify_later(Notification::Due(due.endpoint, due.lane, due.at));
    }
    Ok(())
}
