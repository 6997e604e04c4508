//! The engine claims due deliveries under a lease. A database file has one node: a lease is identified by its end
//! alone.

use std::sync::Arc;

use async_trait::async_trait;
use const_format::formatcp;
use gancho_model::{DeliveryId, Endpoint, EndpointId, EventId, MonoTime, NodeId, Priority};
use rusqlite::{OptionalExtension, params};

use super::rows::PENDING;
use super::{
    SqliteStore, record, rows, start,
    write_context::{Notification, WriteContext},
};
use crate::{
    Claimed, Claims, Delivering, DeliveryNotifier, Due, HealthChange, Outcome, Release, StoreError, Want,
    stored::attempt,
};

#[async_trait]
impl Delivering for SqliteStore {
    fn attach(&self, notifier: Arc<dyn DeliveryNotifier>) {
        // The first notifier stays: a store has one engine.
        let _ = self.notifier.set(notifier);
    }

    async fn take_over(&self, node: NodeId, now: MonoTime) -> Result<u64, StoreError> {
        self.here.set(Some((node, self.environment.now())));
        self.write_now(true, move |context| start::take_over(context, now)).await
    }

    async fn all_endpoints(&self) -> Result<Vec<Endpoint>, StoreError> {
        let vault = self.vault.clone();
        self.read_now(move |db| {
            let all = rows::endpoints(db, &vault, "removed_at IS NULL ORDER BY n", [])?;
            Ok(all.into_iter().map(|(_, endpoint)| endpoint).collect())
        })
        .await
    }

    async fn due(&self) -> Result<Vec<Due>, StoreError> {
        self.write_now(false, due).await
    }

    async fn claim(&self, _: NodeId, wants: Vec<Want>, now: MonoTime) -> Result<Claims, StoreError> {
        self.write_now(false, move |context| {
            let mut claims = Claims::default();
            for want in &wants {
                // The endpoint was removed meanwhile: nothing to claim.
                let Ok(number) = context.number_of(want.endpoint) else { continue };
                claim(context, number, want, now, &mut claims.claimed)?;
                claims.due.extend(next_due(context, number, want.endpoint, want.lane)?);
            }
            Ok(claims)
        })
        .await
    }

    async fn release(&self, _: NodeId, leases: Vec<Release>) -> Result<(), StoreError> {
        self.write_now(false, move |context| leases.iter().try_for_each(|lease| release(context, lease))).await
    }

    async fn record(&self, node: NodeId, outcomes: Arc<[Outcome]>) -> Result<Vec<HealthChange>, StoreError> {
        // Serialized here: the writer's time is shared.
        let attempts: Vec<Vec<u8>> = outcomes.iter().map(|outcome| attempt::pack(&outcome.attempt)).collect();
        let is_own = self.here.is(node);
        self.write_now(false, move |context| record::record(context, &outcomes, &attempts, is_own)).await
    }
}

fn release(context: &mut WriteContext, lease: &Release) -> Result<(), StoreError> {
    let update = formatcp!(
        "UPDATE deliveries SET due = max(leased, ?3), leased = NULL \
        WHERE n = ?1 AND state = {PENDING} AND leased IS NOT NULL AND due = ?2 RETURNING due"
    );
    let not_before = lease.not_before.map_or(i64::MIN, MonoTime::ms);
    let params = params![lease.handle, lease.lease_until.ms(), not_before];
    let due = context.db.prepare_cached(update)?.query_row(params, |row| row.get(0)).optional()?;
    if let Some(due) = due {
        context.notify_later(Notification::Due(lease.endpoint, lease.lane, MonoTime::from_ms(due)));
    }
    Ok(())
}

fn due(context: &mut WriteContext) -> Result<Vec<Due>, StoreError> {
    let mut found = vec![];
    for (n, endpoint) in context.routes()?.iter() {
        for lane in Priority::ALL {
            found.extend(next_due(context, *n, endpoint.id, *lane)?);
        }
    }
    Ok(found)
}

fn next_due(context: &WriteContext, n: i64, endpoint: EndpointId, lane: Priority) -> Result<Option<Due>, StoreError> {
    let select = formatcp!("SELECT min(due) FROM deliveries WHERE state = {PENDING} AND endpoint = ?1 AND lane = ?2");
    let at: Option<i64> = context.db.prepare_cached(select)?.query_row(params![n, lane as i64], |row| row.get(0))?;
    Ok(at.map(|at| Due { endpoint, lane, at: MonoTime::from_ms(at) }))
}

fn claim(
    context: &WriteContext,
    number: i64,
    want: &Want,
    now: MonoTime,
    claimed: &mut Vec<Claimed>,
) -> Result<(), StoreError> {
    let update = formatcp!(
        "UPDATE deliveries SET leased = due, due = ?5 WHERE n IN (SELECT n FROM deliveries \
        WHERE state = {PENDING} AND endpoint = ?1 AND lane = ?2 AND due <= ?3 AND (leased IS NULL OR due <= ?6) ORDER BY due LIMIT ?4) \
        RETURNING n, id, event, attempts, max_attempts, body"
    );
    let mut update = context.db.prepare_cached(update)?;
    let due_until = if want.probe { i64::MAX } else { now.ms() };
    let params = params![number, want.lane as i64, due_until, want.limit, want.lease_until.ms(), now.ms()];
    let mut rows = update.query(params)?;
    let first = claimed.len();
    while let Some(row) = rows.next()? {
        let event: i64 = row.get(2)?;
        let select = "SELECT id, type, body FROM events WHERE n = ?1";
        let found: Option<(_, String, Vec<u8>)> = context
            .db
            .prepare_cached(select)?
            .query_row([event], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
            .optional()?;
        let (event_id, event_type, event_body) = found.ok_or_else(|| rows::damaged("a delivery without its event"))?;
        let body = row.get::<_, Option<Vec<u8>>>(5)?.unwrap_or(event_body);
        claimed.push(Claimed {
            id: DeliveryId::from_bytes(row.get(1)?),
            handle: row.get(0)?,
            endpoint: want.endpoint,
            lane: want.lane,
            attempts: row.get(3)?,
            max_attempts: row.get(4)?,
            lease_until: want.lease_until,
            event_id: EventId::from_bytes(event_id),
            event: rows::event_type(&event_type)?,
            sequence: u64::try_from(event).unwrap_or(0),
            body: body.into(),
        });
    }
    // RETURNING guarantees no order; the oldest goes first.
    claimed[first..].sort_by_key(|one| one.handle);
    Ok(())
}
