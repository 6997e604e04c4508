//! Adds, changes and removes endpoints.

use std::collections::HashMap;

use async_trait::async_trait;
use const_format::formatcp;
use gancho_model::{
    Attempt, DeliveryId, Endpoint, EndpointId, Event, EventId, Message, Moment, PlannedDelivery, Priority, Timestamp,
};
use sqlx::Row as _;

use super::rows::{CANCELLED, PENDING};
use super::waiting::WAITING;
use super::{
    PostgresStore, accept, forward, job, repair, replay, rows,
    write_context::{Notification, WriteContext},
};
use crate::{
    EndpointBacklog, Endpoints, JobStep, Page, Replay, Replayed, StoreError,
    stored::endpoint::{Config, Sealed, id_taken},
};

/// Deliveries cancelled at once when an endpoint is removed; upkeep cancels the rest.
pub(super) const CANCEL_MAX: i64 = 1000;

#[async_trait]
impl Endpoints for PostgresStore {
    async fn add_endpoint(&self, endpoint: Endpoint) -> Result<(), StoreError> {
        self.write(true, async move |context| {
            let insert = "INSERT INTO endpoints (id, config, sealed, enabled, paused, disabled_reason, health, \
                created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (id) DO NOTHING";
            let (sealed, health) = (sealed(context, &endpoint), context.clock.kept_health(endpoint.health));
            let added = run!(
                &mut context.db,
                insert,
                endpoint.id.bytes().as_slice(),
                rows::to_json(&Config::of(&endpoint)),
                sealed,
                endpoint.enabled,
                endpoint.paused,
                endpoint.disabled_reason.as_deref(),
                rows::to_json(&health),
                endpoint.created_at.ms(),
                endpoint.updated_at.ms(),
            );
            context.plans_are_stale();
            if added == 0 { Err(id_taken()) } else { Ok(()) }
        })
        .await
    }

    async fn endpoint(&self, id: EndpointId) -> Result<Endpoint, StoreError> {
        let mut db = self.read().await?;
        rows::one_endpoint(&mut db, &self.shared.vault, &self.shared.clock, id).await.map(|(_, endpoint)| endpoint)
    }

    async fn endpoints(
        &self,
        after: Option<EndpointId>,
        limit: usize,
    ) -> Result<Page<Endpoint, EndpointId>, StoreError> {
        let mut db = self.read().await?;
        let found =
            rows::endpoints_after(&mut db, &self.shared.vault, &self.shared.clock, after, limit as i64 + 1).await?;
        let mut items: Vec<_> = found.into_iter().map(|(_, endpoint)| endpoint).collect();
        let more = items.len() > limit;
        items.truncate(limit);
        let next = items.last().map(|endpoint| endpoint.id).filter(|_| more);
        Ok(Page { items, next })
    }

    async fn save_endpoint(&self, endpoint: Endpoint, read_at: Timestamp) -> Result<(), StoreError> {
        self.write(true, async move |context| save(context, &endpoint, read_at).await).await
    }

    async fn remove_endpoint(&self, id: EndpointId, now: Timestamp) -> Result<u64, StoreError> {
        self.write(true, async move |context| {
            let n = context.number_of(id).await?;
            let waiting = context.waiting_for(n).await?;
            run!(&mut context.db, "UPDATE endpoints SET removed_at = $2 WHERE n = $1", n, now.ms());
            cancel_waiting(context, n, CANCEL_MAX).await?;
            run!(&mut context.db, "DELETE FROM serving WHERE endpoint = $1", n);
            context.plans_are_stale();
            Ok(waiting)
        })
        .await
    }

    async fn backlogs(&self, ids: Vec<EndpointId>) -> Result<Vec<EndpointBacklog>, StoreError> {
        let mut db = self.read().await?;
        let select = formatcp!(
            // Numbers follow the days of events: resent deliveries of old events precede others that have waited
            // longer.
            "SELECT coalesce(w.count, 0), least((SELECT d.created_at FROM deliveries d WHERE d.endpoint = p.n AND d.state = {PENDING} \
            AND d.lane = 0 ORDER BY d.n LIMIT 1), (SELECT d.created_at FROM deliveries d WHERE d.endpoint = p.n \
            AND d.state = {PENDING} AND d.lane > 0 ORDER BY d.n LIMIT 1)), p.id FROM endpoints p \
            LEFT JOIN ({WAITING}) AS w ON w.endpoint = p.n WHERE p.id = ANY($1)"
        );
        let wanted: Vec<&[u8]> = ids.iter().map(|id| id.bytes().as_slice()).collect();
        let mut found = HashMap::new();
        for row in all!(db, select, &wanted[..]) {
            let backlog = EndpointBacklog {
                pending: u64::try_from(row.try_get::<i64, _>(0)?).unwrap_or(0),
                oldest_pending_at: rows::optional_time(&row, 1)?,
            };
            found.insert(EndpointId::from_bytes(rows::id(&row, 2)?), backlog);
        }
        Ok(ids.iter().map(|id| found.get(id).copied().unwrap_or_default()).collect())
    }

    async fn replay(&self, replay: Replay, after: Option<u64>, now: Moment) -> Result<Replayed, StoreError> {
        // The start and the rules' results are computed on a reader, so that no transaction waits for them.
        let (after, ruled) = {
            let mut db = self.read().await?;
            let (_, endpoint) =
                rows::one_endpoint(&mut db, &self.shared.vault, &self.shared.clock, replay.endpoint).await?;
            let after = replay::first_after(&mut db, &replay, after).await?;
            (after, replay::rule(&mut db, endpoint, &replay, after).await?)
        };
        self.write(true, async move |context| replay::replay(context, &replay, (after, &ruled), now).await).await
    }

    async fn retry_endpoint(&self, id: EndpointId) -> Result<u64, StoreError> {
        self.write(true, async move |context| retry(context, id).await).await
    }

    async fn record_forwarded(
        &self,
        endpoint: EndpointId,
        event: EventId,
        attempt: Attempt,
    ) -> Result<DeliveryId, StoreError> {
        self.write(false, async move |context| {
            forward::record_forwarded(context, endpoint, event, attempt.clone()).await
        })
        .await
    }

    async fn send_apart(
        &self,
        events: Vec<(Event, PlannedDelivery)>,
        lane: Priority,
        step: Option<JobStep>,
    ) -> Result<Vec<DeliveryId>, StoreError> {
        self.write(true, async move |context| {
            let routes = context.routes().await?;
            if events.iter().any(|(_, planned)| routes.find(planned.endpoint).is_none()) {
                return Err(StoreError::NotFound);
            }
            let mut sent = vec![];
            for (event, planned) in &events {
                let (n, endpoint) = routes.find(planned.endpoint).ok_or(StoreError::NotFound)?;
                let number = accept::insert_event(context, event, false).await?;
                sent.push(accept::insert_delivery(context, event, number, (*n, endpoint), planned, lane).await?);
            }
            if let Some(step) = &step {
                context.write_new().await?;
                let node = context.node_bytes();
                job::take_step(&mut context.db, step, &sent, node).await?;
            }
            Ok(sent)
        })
        .await
    }
}

fn sealed(context: &WriteContext, endpoint: &Endpoint) -> Vec<u8> {
    let plain = rows::to_json(&Sealed::of(endpoint));
    context.vault.seal(endpoint.id.bytes(), plain.as_bytes(), &*context.environment)
}

async fn save(context: &mut WriteContext, endpoint: &Endpoint, read_at: Timestamp) -> Result<(), StoreError> {
    let (vault, clock) = (context.vault.clone(), context.clock.clone());
    // From here on, no other transaction changes it.
    let lock = "SELECT 1 FROM endpoints WHERE id = $1 FOR NO KEY UPDATE";
    run!(&mut context.db, lock, endpoint.id.bytes().as_slice());
    let (n, known) = rows::one_endpoint(&mut context.db, &vault, &clock, endpoint.id).await?;
    if known.updated_at != read_at {
        return Err(StoreError::Conflict(Message::new("conflict-changed")));
    }
    let update = "UPDATE endpoints SET config = $2, sealed = $3, enabled = $4, paused = $5, \
        disabled_reason = $6, updated_at = $7 WHERE n = $1";
    let sealed = sealed(context, endpoint);
    run!(
        &mut context.db,
        update,
        n,
        rows::to_json(&Config::of(endpoint)),
        sealed,
        endpoint.enabled,
        endpoint.paused,
        endpoint.disabled_reason.as_deref(),
        endpoint.updated_at.ms().max(read_at.ms() + 1),
    );
    let health = context.health(n).await?.unwrap_or(known.health);
    if endpoint.enabled && !known.enabled {
        context.set_health(n, health.anew());
    } else if (known.paused && !endpoint.paused || known.url != endpoint.url) && health.consecutive_failures > 0 {
        repair::go_on(context, n, endpoint.id).await?;
    }
    context.plans_are_stale();
    for lane in Priority::ALL {
        context.notify_later(Notification::Due(endpoint.id, *lane, context.environment.mono()));
    }
    Ok(())
}

/// Cancels some pending deliveries of a removed endpoint; returns how many.
pub(super) async fn cancel_waiting(context: &mut WriteContext, n: i64, limit: i64) -> Result<u64, StoreError> {
    let update = formatcp!(
        "UPDATE deliveries SET state = {CANCELLED}, reason = 'endpoint_removed', due = NULL, leased = NULL, node = NULL \
        WHERE n IN (SELECT n FROM deliveries WHERE endpoint = $1 AND state = {PENDING} LIMIT $2) AND state = {PENDING}"
    );
    let cancelled = run!(&mut context.db, update, n, limit);
    context.pending.add_waiting(n, -cancelled.cast_signed());
    Ok(cancelled)
}

/// Retries an active endpoint at once; returns the number of pending deliveries.
async fn retry(context: &mut WriteContext, id: EndpointId) -> Result<u64, StoreError> {
    let (vault, clock) = (context.vault.clone(), context.clock.clone());
    match rows::one_endpoint(&mut context.db, &vault, &clock, id).await? {
        (_, Endpoint { enabled: false, .. }) => Err(StoreError::Conflict(Message::new("conflict-disabled"))),
        (_, Endpoint { paused: true, .. }) => Err(StoreError::Conflict(Message::new("conflict-paused"))),
        (n, _) => {
            repair::go_on(context, n, id).await?;
            context.waiting_for(n).await
        }
    }
}
