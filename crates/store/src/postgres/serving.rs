//! Which endpoints this node serves. One node at a time serves an endpoint: so `max_in_flight` and `rate_per_s` hold over
//! all nodes, though each counts for itself.
//!
//! An endpoint belongs to the node that took it first, as long as that node is alive. While there are others, a node gives
//! up what had nothing for a while, and what it has beyond its part.

use std::collections::{BTreeSet, HashMap};

use const_format::formatcp;
use gancho_model::{EndpointId, MonoTime, NodeId, Priority};
use sqlx::Row as _;

use super::{
    rows,
    rows::PENDING,
    write_context::{Notification, WriteContext},
};
use crate::{Due, StoreError};

/// How long an endpoint that has nothing stays with its node while there are others, milliseconds.
const IDLE_MS: i64 = 5_000;
/// How long it is not asked again who serves what another node serves, milliseconds.
const ELSEWHERE_MS: i64 = 5_000;
/// How long a node leaves to others what it gave up since it had too many, milliseconds.
const SHED_MS: i64 = 2_000;

/// What this node knows of who serves what. Less than is true does no harm: it is asked again.
#[derive(Default)]
pub(super) struct Serving {
    /// Ours, with when they were last used.
    own: HashMap<i64, MonoTime>,
    /// Other nodes', and until when that is believed.
    elsewhere: HashMap<i64, MonoTime>,
    /// Ours that are given up as soon as nothing of them is under way.
    leaving: BTreeSet<i64>,
    /// How many other nodes there are.
    others: u64,
}

impl Serving {
    /// How many other nodes there are.
    pub fn others(&self) -> u64 {
        self.others
    }

    /// Knows nothing any more.
    pub fn forget(&mut self) {
        *self = Self { others: self.others, ..Self::default() };
    }

    /// Somebody may have given it up.
    pub fn ask_again(&mut self, endpoint: i64) {
        self.elsewhere.remove(&endpoint);
    }

    /// Whether another node served it a moment ago.
    pub fn is_elsewhere(&self, endpoint: i64, now: MonoTime) -> bool {
        self.elsewhere.get(&endpoint).is_some_and(|until| *until > now)
    }

    /// Whether it is ours, as far as that is known.
    fn known(&mut self, endpoint: i64, now: MonoTime) -> Option<bool> {
        if self.leaving.contains(&endpoint) {
            return Some(false);
        }
        if let Some(used) = self.own.get_mut(&endpoint) {
            *used = now;
            return Some(true);
        }
        self.is_elsewhere(endpoint, now).then_some(false)
    }

    fn learn(&mut self, endpoint: i64, is_ours: bool, now: MonoTime) {
        if is_ours {
            self.elsewhere.remove(&endpoint);
            self.own.insert(endpoint, now);
        } else {
            self.elsewhere.insert(endpoint, now.plus_ms(ELSEWHERE_MS));
        }
    }

    /// What had nothing for a while.
    fn idle(&self, now: MonoTime) -> Vec<i64> {
        self.own.iter().filter(|(_, used)| now.since_ms(**used) >= IDLE_MS).map(|(endpoint, _)| *endpoint).collect()
    }

    /// What this node has beyond its part, where so many are served in all. A few more are no reason to move any.
    fn surplus(&self, served: u64) -> Vec<i64> {
        let part = usize::try_from(served.div_ceil(self.others + 1)).unwrap_or(usize::MAX);
        let staying = self.own.len() - self.leaving.len();
        let slack = (part / 8).max(1);
        let count = if staying > part + slack { staying - part } else { 0 };
        self.own.keys().filter(|endpoint| !self.leaving.contains(endpoint)).take(count).copied().collect()
    }

    fn gave_up(&mut self, endpoint: i64, now: MonoTime) {
        self.own.remove(&endpoint);
        if self.leaving.remove(&endpoint) {
            self.elsewhere.insert(endpoint, now.plus_ms(SHED_MS));
        }
    }
}

/// Takes an endpoint for this node, or holds on to it; says whether this node serves it now. One that another node serves
/// can be taken when that node is gone, and the leases of its deliveries have ended.
pub(super) async fn take(
    context: &mut WriteContext,
    node: NodeId,
    endpoint: i64,
    now: MonoTime,
) -> Result<bool, StoreError> {
    if let Some(known) = context.serving.known(endpoint, now) {
        return Ok(known);
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

/// Looks what to give up, now that there are so many other nodes.
pub(super) async fn share(
    context: &mut WriteContext,
    node: NodeId,
    others: u64,
    now: MonoTime,
) -> Result<(), StoreError> {
    context.serving.others = others;
    if others == 0 {
        context.serving.leaving.clear();
        return Ok(());
    }
    let count = "SELECT count(*) FROM serving s JOIN nodes a ON a.id = s.node";
    let served = scalar!(&mut context.db, i64, count).unwrap_or(0).unsigned_abs();
    let mut wanted = context.serving.idle(now);
    let surplus = context.serving.surplus(served);
    context.serving.leaving.extend(surplus);
    wanted.extend(&context.serving.leaving);
    if wanted.is_empty() {
        return Ok(());
    }
    let delete = formatcp!(
        "DELETE FROM serving WHERE node = $1 AND endpoint = ANY($2) AND NOT EXISTS (SELECT 1 FROM deliveries d \
        WHERE d.state = {PENDING} AND d.endpoint = serving.endpoint AND d.lane IN (0, 1, 2) AND d.due > $3 \
        AND d.leased IS NOT NULL AND d.node = $1) RETURNING endpoint"
    );
    let kept = context.clock.kept(now);
    for endpoint in column!(&mut context.db, i64, delete, node.bytes().as_slice(), wanted, kept) {
        context.serving.gave_up(endpoint, now);
        context.ring_freed(endpoint);
    }
    Ok(())
}

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
