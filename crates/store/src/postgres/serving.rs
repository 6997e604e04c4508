//! Which endpoints this node serves. One node at a time serves an endpoint: so `max_in_flight` and `rate_per_s` hold over
//! all nodes, though each counts for itself.
//!
//! An endpoint belongs to the node that took it first, as long as that node is alive. While there are others, a node gives
//! up what had nothing for a while, and half of what it has more than another.

use const_format::formatcp;
use gancho_model::{EndpointId, MonoTime, NodeId, Priority};
use sqlx::Row as _;

use super::{
    rows,
    rows::PENDING,
    write_context::{Notification, WriteContext},
};
use crate::{Due, StoreError};

/// Takes an endpoint for this node, unless others have fewer, or holds on to it; says whether this node serves it now. One that another node serves
/// can be taken when that node is gone, and the leases of its deliveries have ended.
pub(super) async fn acquire_endpoint(
    context: &mut WriteContext,
    node: NodeId,
    endpoint: i64,
    now: MonoTime,
) -> Result<bool, StoreError> {
    if let Some(known) = context.serving.known(endpoint, now) {
        return Ok(known);
    }
    if context.serving.is_left(endpoint, now) {
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
    Ok(is_ours)
}

/// Looks at the other nodes, and what to give up for them.
pub(super) async fn share(context: &mut WriteContext, node: NodeId, now: MonoTime) -> Result<(), StoreError> {
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
    let quiet = formatcp!("SELECT endpoint FROM serving WHERE {IS_QUIET}");
    let (node, kept) = (node.bytes().as_slice(), context.clock.kept(now));
    let quiet = column!(&mut context.db, i64, quiet, node, candidates, kept);
    let over = context.serving.given_up(&quiet, now);
    let delete = formatcp!("DELETE FROM serving WHERE {IS_QUIET} RETURNING endpoint");
    for endpoint in column!(&mut context.db, i64, delete, node, over, kept) {
        context.serving.gave_up(endpoint, now);
        context.ring_freed(endpoint);
    }
    Ok(())
}

/// Of these endpoints, this node's of which nothing is under way.
const IS_QUIET: &str = formatcp!(
    "node = $1 AND endpoint = ANY($2) AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.state = {PENDING} \
    AND d.endpoint = serving.endpoint AND d.lane IN (0, 1, 2) AND d.due > $3 AND d.leased IS NOT NULL AND d.node = $1)"
);

/// What waits for endpoints that no node serves, or that this one does: it is due here.
pub(super) async fn waiting(
    context: &mut WriteContext,
    node: Option<NodeId>,
    now: MonoTime,
) -> Result<Vec<Due>, StoreError> {
    let select = formatcp!(
        "SELECT p.n, p.id, l.lane, d.due FROM endpoints p CROSS JOIN (VALUES (0), (1), (2)) AS l (lane) \
        CROSS JOIN LATERAL (SELECT due FROM deliveries WHERE state = {PENDING} AND endpoint = p.n AND lane = l.lane \
        ORDER BY due LIMIT 1) AS d \
        LEFT JOIN serving s ON s.endpoint = p.n LEFT JOIN nodes a ON a.id = s.node AND a.until > $1 \
        WHERE p.pending > 0 AND p.removed_at IS NULL AND (a.id IS NULL OR a.id = $2)"
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

/// Wakes the engine for what no node serves.
pub(super) async fn wake_unserved(context: &mut WriteContext, now: MonoTime) -> Result<(), StoreError> {
    for due in waiting(context, None, now).await? {
        context.notify_later(Notification::Due(due.endpoint, due.lane, due.at));
    }
    Ok(())
}
