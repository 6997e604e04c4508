//! The engine claims due deliveries under a lease: of one node, with an end.

use std::sync::Arc;

use async_trait::async_trait;
use const_format::formatcp;
use gancho_model::{DeliveryId, Endpoint, EndpointId, EventId, NodeId, Priority};
use sqlx::Row as _;

use super::rows::{IS_OURS, PENDING};
use super::{
    PostgresStore,
    partition::EVENT_OF_DELIVERY,
    record, rows, serving, start,
    write_context::{Notification, WriteContext},
};
use crate::{
    Claimed, Claims, Delivering, DeliveryNotifier, Due, HealthChange, Outcome, Release, StoreError, Want,
    stored::attempt,
};
use gancho_model::MonoTime;

#[async_trait]
impl Delivering for PostgresStore {
    fn attach(&self, notifier: Arc<dyn DeliveryNotifier>) {
        // The first notifier stays: a store has one engine.
        let _ = self.shared.notifier.set(notifier);
    }

    async fn take_over(&self, node: NodeId, now: MonoTime) -> Result<u64, StoreError> {
        // A node takes over only once, at its start.
        let is_new = self.shared.node.set(node).is_ok();
        let freed = self.write_now(true, async move |context| start::take_over(context, node, now).await).await?;
        if is_new {
            self.follow_others(node);
        }
        Ok(freed)
    }

    async fn all_endpoints(&self) -> Result<Vec<Endpoint>, StoreError> {
        let mut db = self.read_now().await?;
        let all =
            rows::endpoints(&mut db, &self.shared.vault, &self.shared.clock, "removed_at IS NULL ORDER BY n").await?;
        Ok(all.into_iter().map(|(_, endpoint)| endpoint).collect())
    }

    async fn due(&self) -> Result<Vec<Due>, StoreError> {
        let (node, now) = (self.shared.node.get().copied(), self.shared.environment.mono());
        self.write_now(false, async move |context| serving::waiting(context, node, now).await).await
    }

    async fn claim(&self, node: NodeId, wants: Vec<Want>, now: MonoTime) -> Result<Claims, StoreError> {
        self.write_now(false, async move |context| {
            let mut claims = Claims::default();
            for want in &wants {
                let number = match context.number_of(want.endpoint).await {
                    // The endpoint was removed meanwhile: nothing to claim.
                    Err(StoreError::NotFound) => continue,
                    number => number?,
                };
                // Its node is notified; deliveries of endpoints without a node are polled every second.
                if !serving::acquire_endpoint(context, node, number, now).await? {
                    context.broadcast_due(want.endpoint, want.lane);
                    continue;
                }
                claims.claimed.extend(claim(context, node, number, want, now).await?);
                claims.due.extend(next_due(context, number, want.endpoint, want.lane).await?);
            }
            Ok(claims)
        })
        .await
    }

    async fn release(&self, node: NodeId, leases: Vec<Release>) -> Result<(), StoreError> {
        self.write_now(false, async move |context| {
            for lease in &leases {
                release(context, node, lease).await?;
            }
            Ok(())
        })
        .await
    }

    async fn record(&self, node: NodeId, outcomes: Arc<[Outcome]>) -> Result<Vec<HealthChange>, StoreError> {
        // Serialized here: the writer's time is shared.
        let attempts: Vec<Vec<u8>> = outcomes.iter().map(|outcome| attempt::pack(&outcome.attempt)).collect();
        self.write_now(false, async move |context| record::record(context, node, &outcomes, &attempts).await).await
    }
}

async fn release(context: &mut WriteContext, node: NodeId, lease: &Release) -> Result<(), StoreError> {
    let update = formatcp!(
        "UPDATE deliveries SET due = greatest(leased, $4), leased = NULL, node = NULL \
        WHERE n = $3 AND state = {PENDING} AND {IS_OURS} RETURNING due"
    );
    let (clock, node) = (context.clock.clone(), node.bytes().as_slice());
    let not_before = lease.not_before.map_or(i64::MIN, |at| clock.kept(at));
    let due = scalar!(&mut context.db, i64, update, clock.kept_ends(lease.lease_until), node, lease.handle, not_before);
    if let Some(due) = due {
        context.notify_later(Notification::Due(lease.endpoint, lease.lane, clock.own(due)));
    }
    Ok(())
}

async fn next_due(
    context: &mut WriteContext,
    n: i64,
    endpoint: EndpointId,
    lane: Priority,
) -> Result<Option<Due>, StoreError> {
    let select = formatcp!(
        "SELECT due FROM deliveries WHERE state = {PENDING} AND endpoint = $1 AND lane = $2 ORDER BY due LIMIT 1"
    );
    let at = scalar!(&mut context.db, i64, select, n, lane as i64);
    Ok(at.map(|at| Due { endpoint, lane, at: context.clock.own(at) }))
}

async fn claim(
    context: &mut WriteContext,
    node: NodeId,
    number: i64,
    want: &Want,
    now: MonoTime,
) -> Result<Vec<Claimed>, StoreError> {
    let update = formatcp!(
        "WITH taken AS (UPDATE deliveries SET leased = due, due = $5, node = $7 WHERE n IN (SELECT n FROM deliveries \
        WHERE state = {PENDING} AND endpoint = $1 AND lane = $2 AND due <= $3 AND (leased IS NULL OR due <= $6) \
        ORDER BY due LIMIT $4 FOR UPDATE SKIP LOCKED) RETURNING n, id, event, attempts, max_attempts, body) \
        SELECT d.n, d.id, d.event, d.attempts, d.max_attempts, e.id, e.type, coalesce(d.body, e.body) \
        FROM taken d JOIN events e ON {EVENT_OF_DELIVERY} ORDER BY d.n"
    );
    let clock = context.clock.clone();
    let due_until = if want.probe { i64::MAX } else { clock.kept(now) };
    let (lane, limit, lease_until) = (want.lane as i64, i64::from(want.limit), clock.kept(want.lease_until));
    let node = node.bytes().as_slice();
    let taken = all!(&mut context.db, update, number, lane, due_until, limit, lease_until, clock.kept(now), node);
    let small = |number: i64| u32::try_from(number).map_err(|_| rows::damaged("a delivery's number"));
    let mut claimed = vec![];
    for row in taken {
        claimed.push(Claimed {
            id: DeliveryId::from_bytes(rows::id(&row, 1)?),
            handle: row.try_get(0)?,
            endpoint: want.endpoint,
            lane: want.lane,
            attempts: small(row.try_get(3)?)?,
            max_attempts: small(row.try_get(4)?)?,
            lease_until: want.lease_until,
            event_id: EventId::from_bytes(rows::id(&row, 5)?),
            event: rows::event_type(row.try_get(6)?)?,
            sequence: u64::try_from(row.try_get::<i64, _>(2)?).unwrap_or(0),
            body: row.try_get::<Vec<u8>, _>(7)?.into(),
        });
    }
    Ok(claimed)
}
