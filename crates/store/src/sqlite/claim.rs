//! The engine takes what is due, under a lease.

use std::sync::Arc;

use async_trait::async_trait;
use gancho_model::{DeliveryId, Endpoint, EndpointId, EventId, Lane, Timestamp};
use rusqlite::{OptionalExtension, params};

use super::{SqliteStore, desk::Desk, record, rows};
use crate::{Bell, Claimed, Claims, Delivering, Due, Outcome, StoreError, Turned, Want};

#[async_trait]
impl Delivering for SqliteStore {
    fn attach(&self, bell: Arc<dyn Bell>) {
        // The first bell stays: a store has one engine.
        let _ = self.bell.set(bell);
    }

    async fn take_over(&self) -> Result<u64, StoreError> {
        self.write(true, take_over).await
    }

    async fn all_endpoints(&self) -> Result<Vec<Endpoint>, StoreError> {
        let vault = self.vault.clone();
        self.read(move |db| {
            let all = rows::endpoints(db, &vault, "removed_at IS NULL ORDER BY n", [])?;
            Ok(all.into_iter().map(|(_, endpoint)| endpoint).collect())
        })
        .await
    }

    async fn due(&self) -> Result<Vec<Due>, StoreError> {
        self.write(false, due).await
    }

    async fn claim(&self, wants: Vec<Want>, now: Timestamp) -> Result<Claims, StoreError> {
        self.write(false, move |desk| {
            let mut claims = Claims::default();
            for want in &wants {
                // An endpoint removed meanwhile has nothing to give.
                let Ok(number) = desk.number_of(want.endpoint) else { continue };
                claim(desk, number, want, now, &mut claims.claimed)?;
                claims.due.extend(next_due(desk, number, want.endpoint, want.lane)?);
            }
            Ok(claims)
        })
        .await
    }

    async fn record(&self, outcomes: Arc<[Outcome]>) -> Result<Vec<Turned>, StoreError> {
        // Rendered here: the writer's time is everybody's.
        let attempts: Vec<String> = outcomes.iter().map(|outcome| rows::to_json(&outcome.attempt)).collect();
        self.write(false, move |desk| record::record(desk, &outcomes, &attempts)).await
    }
}

/// Nobody else works on an embedded database: whatever is leased belongs to a process that died.
/// Only leases that end in the future have to be found; the rest is free already.
fn take_over(desk: &mut Desk) -> Result<u64, StoreError> {
    let now = desk.ambient.now().ms();
    let mut freed = 0;
    for (n, _) in desk.routes()?.iter() {
        for lane in Lane::ALL {
            let free = "UPDATE deliveries SET due = leased, leased = NULL \
                WHERE state = 0 AND leased IS NOT NULL AND endpoint = ?1 AND lane = ?2 AND due > ?3";
            freed += desk.db.prepare_cached(free)?.execute(params![n, *lane as i64, now])?;
        }
    }
    Ok(freed as u64)
}

fn due(desk: &mut Desk) -> Result<Vec<Due>, StoreError> {
    let mut found = vec![];
    for (n, endpoint) in desk.routes()?.iter() {
        for lane in Lane::ALL {
            found.extend(next_due(desk, *n, endpoint.id, *lane)?);
        }
    }
    Ok(found)
}

fn next_due(desk: &Desk, n: i64, endpoint: EndpointId, lane: Lane) -> Result<Option<Due>, StoreError> {
    let select = "SELECT min(due) FROM deliveries WHERE state = 0 AND endpoint = ?1 AND lane = ?2";
    let at: Option<i64> = desk.db.prepare_cached(select)?.query_row(params![n, lane as i64], |row| row.get(0))?;
    Ok(at.map(|at| Due { endpoint, lane, at: Timestamp::from_ms(at) }))
}

fn claim(desk: &Desk, number: i64, want: &Want, now: Timestamp, claimed: &mut Vec<Claimed>) -> Result<(), StoreError> {
    let update = "UPDATE deliveries SET leased = due, due = ?5 WHERE n IN (SELECT n FROM deliveries \
        WHERE state = 0 AND endpoint = ?1 AND lane = ?2 AND due <= ?3 AND (leased IS NULL OR due <= ?6) ORDER BY due LIMIT ?4) \
        RETURNING n, id, event, attempts, max_attempts";
    let mut update = desk.db.prepare_cached(update)?;
    let due_until = if want.probe { i64::MAX } else { now.ms() };
    let params = params![number, want.lane as i64, due_until, want.limit, want.lease_until.ms(), now.ms()];
    let mut rows = update.query(params)?;
    let first = claimed.len();
    while let Some(row) = rows.next()? {
        let event: i64 = row.get(2)?;
        let select = "SELECT id, type, body FROM events WHERE n = ?1";
        let found: Option<(_, String, Vec<u8>)> = desk
            .db
            .prepare_cached(select)?
            .query_row([event], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
            .optional()?;
        let (event_id, event_type, body) = found.ok_or_else(|| rows::damaged("a delivery without its event"))?;
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
    // RETURNING gives no order; the oldest goes first.
    claimed[first..].sort_by_key(|one| one.handle);
    Ok(())
}
