//! Adds, changes and removes endpoints.

use async_trait::async_trait;
use const_format::formatcp;
use gancho_model::{
    Attempt, DeliveryId, Endpoint, EndpointId, Event, EventId, Message, Moment, PlannedDelivery, Priority, Timestamp,
};
use rusqlite::{OptionalExtension, params};

use super::rows::{CANCELLED, PENDING};
use super::{
    SqliteStore, accept, forward, job, repair, replay, rows,
    write_context::{Notification, WriteContext},
};
use crate::{
    EndpointBacklog, Endpoints, JobStep, Page, Replay, Replayed, StoreError, stored::endpoint::id_taken, vault::Vault,
};

/// Deliveries cancelled at once when an endpoint is removed; upkeep cancels the rest.
pub(super) const CANCEL_MAX: u32 = 1000;

#[async_trait]
impl Endpoints for SqliteStore {
    async fn add_endpoint(&self, endpoint: Endpoint) -> Result<(), StoreError> {
        self.write(true, move |context| {
            let insert = "INSERT INTO endpoints (id, config, sealed, enabled, paused, disabled_reason, health, \
                created_at, updated_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT (id) DO NOTHING";
            let added = context.db.prepare_cached(insert)?.execute(params![
                endpoint.id.bytes(),
                rows::to_json(&rows::Config::of(&endpoint)),
                sealed(context, &endpoint),
                endpoint.enabled,
                endpoint.paused,
                endpoint.disabled_reason,
                rows::to_json(&endpoint.health),
                endpoint.created_at.ms(),
                endpoint.updated_at.ms(),
            ])?;
            context.plans_are_stale();
            if added == 0 { Err(id_taken()) } else { Ok(()) }
        })
        .await
    }

    async fn endpoint(&self, id: EndpointId) -> Result<Endpoint, StoreError> {
        let vault = self.vault.clone();
        self.read(move |db| one(db, &vault, id).map(|(_, endpoint)| endpoint)).await
    }

    async fn endpoints(
        &self,
        after: Option<EndpointId>,
        limit: usize,
    ) -> Result<Page<Endpoint, EndpointId>, StoreError> {
        let vault = self.vault.clone();
        self.read(move |db| {
            let condition = "removed_at IS NULL AND n > coalesce((SELECT n FROM endpoints WHERE id = ?1), 0) \
                ORDER BY n LIMIT ?2";
            let after = after.as_ref().map(EndpointId::bytes);
            let found = rows::endpoints(db, &vault, condition, params![after, limit as i64 + 1])?;
            let mut items: Vec<_> = found.into_iter().map(|(_, endpoint)| endpoint).collect();
            let more = items.len() > limit;
            items.truncate(limit);
            let next = items.last().map(|endpoint| endpoint.id).filter(|_| more);
            Ok(Page { items, next })
        })
        .await
    }

    async fn save_endpoint(&self, endpoint: Endpoint, read_at: Timestamp) -> Result<(), StoreError> {
        self.write(true, move |context| save(context, &endpoint, read_at)).await
    }

    async fn remove_endpoint(&self, id: EndpointId, now: Timestamp) -> Result<u64, StoreError> {
        self.write(true, move |context| {
            let n = context.number_of(id)?;
            let waiting = context.waiting_for(n)?;
            context.db.execute("UPDATE endpoints SET removed_at = ?2 WHERE n = ?1", params![n, now.ms()])?;
            cancel_waiting(context, n, CANCEL_MAX)?;
            context.plans_are_stale();
            Ok(waiting)
        })
        .await
    }

    async fn backlogs(&self, ids: Vec<EndpointId>) -> Result<Vec<EndpointBacklog>, StoreError> {
        let waiting = self.waiting.clone();
        self.read(move |db| {
            let select = formatcp!(
                "SELECT p.n, (SELECT d.created_at FROM deliveries d WHERE d.endpoint = p.n AND d.state = {PENDING} \
                ORDER BY d.n LIMIT 1) FROM endpoints p WHERE id = ?1"
            );
            let mut select = db.prepare_cached(select)?;
            let mut backlog = |id: &EndpointId| -> Result<EndpointBacklog, StoreError> {
                let found = select.query_row([id.bytes()], |row| {
                    Ok(EndpointBacklog {
                        pending: waiting.of(db, row.get(0)?)?,
                        oldest_pending_at: rows::time(row.get(1)?),
                    })
                });
                Ok(found.optional()?.unwrap_or_default())
            };
            ids.iter().map(&mut backlog).collect()
        })
        .await
    }

    async fn replay(&self, replay: Replay, after: Option<u64>, now: Moment) -> Result<Replayed, StoreError> {
        let vault = self.vault.clone();
        let asked = replay.clone();
        // The start and the rules' results are computed on a reader, so that no transaction waits for them.
        let prepare = move |db: &rusqlite::Connection| {
            let after = replay::first_after(db, &asked, after)?;
            Ok((after, replay::rule(db, one(db, &vault, asked.endpoint)?.1, &asked, after)?))
        };
        let (after, ruled) = self.read(prepare).await?;
        self.write(true, move |context| replay::replay(context, &replay, (after, &ruled), now)).await
    }

    async fn retry_endpoint(&self, id: EndpointId) -> Result<u64, StoreError> {
        self.write(true, move |context| retry(context, id)).await
    }

    async fn record_forwarded(
        &self,
        endpoint: EndpointId,
        event: EventId,
        attempt: Attempt,
    ) -> Result<DeliveryId, StoreError> {
        self.write(false, move |context| forward::record_forwarded(context, endpoint, event, attempt.clone())).await
    }

    async fn send_apart(
        &self,
        events: Vec<(Event, PlannedDelivery)>,
        lane: Priority,
        step: Option<JobStep>,
    ) -> Result<Vec<DeliveryId>, StoreError> {
        self.write(true, move |context| {
            let routes = context.routes()?;
            let mut send = |(event, planned): &(Event, PlannedDelivery)| {
                let (n, endpoint) = routes.find(planned.endpoint).ok_or(StoreError::NotFound)?;
                let number = accept::insert_event(context, event, false)?;
                accept::insert_delivery(context, event, number, (*n, endpoint), planned, lane)
            };
            let sent = events.iter().map(&mut send).collect::<Result<Vec<_>, StoreError>>()?;
            if let Some(step) = &step {
                job::take_step(&context.db, step, &sent)?;
            }
            Ok(sent)
        })
        .await
    }
}

fn sealed(context: &WriteContext, endpoint: &Endpoint) -> Vec<u8> {
    let plain = rows::to_json(&rows::Sealed::of(endpoint));
    context.vault.seal(endpoint.id.bytes(), plain.as_bytes(), &*context.environment)
}

pub(super) fn one(db: &rusqlite::Connection, vault: &Vault, id: EndpointId) -> Result<(i64, Endpoint), StoreError> {
    let mut found = rows::endpoints(db, vault, "id = ?1 AND removed_at IS NULL", [id.bytes()])?;
    found.pop().ok_or(StoreError::NotFound)
}

fn save(context: &mut WriteContext, endpoint: &Endpoint, read_at: Timestamp) -> Result<(), StoreError> {
    let (n, known) = one(&context.db, &context.vault, endpoint.id)?;
    if known.updated_at != read_at {
        return Err(StoreError::Conflict(Message::new("conflict-changed")));
    }
    let update = "UPDATE endpoints SET config = ?2, sealed = ?3, enabled = ?4, paused = ?5, \
        disabled_reason = ?6, updated_at = ?7 WHERE n = ?1";
    context.db.prepare_cached(update)?.execute(params![
        n,
        rows::to_json(&rows::Config::of(endpoint)),
        sealed(context, endpoint),
        endpoint.enabled,
        endpoint.paused,
        endpoint.disabled_reason,
        endpoint.updated_at.ms().max(read_at.ms() + 1),
    ])?;
    let health = context.health(n)?.unwrap_or(known.health);
    if endpoint.enabled && !known.enabled {
        context.set_health(n, health.anew());
    } else if (known.paused && !endpoint.paused || known.url != endpoint.url) && health.consecutive_failures > 0 {
        repair::go_on(context, n, endpoint.id)?;
    }
    context.plans_are_stale();
    for lane in Priority::ALL {
        context.notify_later(Notification::Due(endpoint.id, *lane, context.environment.mono()));
    }
    Ok(())
}

/// Cancels some pending deliveries of a removed endpoint; returns how many.
pub(super) fn cancel_waiting(context: &mut WriteContext, n: i64, limit: u32) -> Result<u64, StoreError> {
    let update = formatcp!(
        "UPDATE deliveries SET state = {CANCELLED}, reason = 'endpoint_removed', due = NULL, leased = NULL WHERE n IN \
        (SELECT n FROM deliveries WHERE endpoint = ?1 AND state = {PENDING} LIMIT ?2)"
    );
    let cancelled = context.db.prepare_cached(update)?.execute(params![n, limit])?;
    context.pending.add_waiting(n, -(cancelled as i64));
    Ok(cancelled as u64)
}

/// Retries an active endpoint at once; returns the number of pending deliveries.
fn retry(context: &mut WriteContext, id: EndpointId) -> Result<u64, StoreError> {
    let (n, endpoint) = one(&context.db, &context.vault, id)?;
    match endpoint {
        Endpoint { enabled: false, .. } => Err(StoreError::Conflict(Message::new("conflict-disabled"))),
        Endpoint { paused: true, .. } => Err(StoreError::Conflict(Message::new("conflict-paused"))),
        _ => {
            repair::go_on(context, n, id)?;
            context.waiting_for(n)
        }
    }
}
