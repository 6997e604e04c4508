//! Accepts events, each with its deliveries.

use std::{collections::BTreeSet, sync::Arc};

use async_trait::async_trait;
use gancho_model::{
    Customers, DeliveryId, Endpoint, Event, EventId, ObjectKey, PlannedDelivery, Priority, Reason, SourceId, State,
    TokenId, may_go_at_once, plan_deliveries,
};
use sqlx::Row as _;

use super::{
    Db, PostgresStore, customer,
    new_rows::NewDelivery,
    processed, rows, serving, snapshot,
    write_context::{Notification, WriteContext},
};
use crate::{
    Accepted, Accepting, Claimed, EndpointSnapshot, IdempotencyKey, NewEvent, ProcessedRow, ReferenceRows,
    ReferenceUpdate, StoreError, StoredResponse, Submission, stored::kind_number,
};

#[async_trait]
impl Accepting for PostgresStore {
    async fn recall(
        &self,
        token: TokenId,
        keys: Vec<IdempotencyKey>,
    ) -> Result<Vec<Option<StoredResponse>>, StoreError> {
        let mut db = self.read_now().await?;
        let mut known = vec![];
        for key in keys {
            known.push(recall(&mut db, token, &key).await?);
        }
        Ok(known)
    }

    async fn remembered(&self, source: SourceId) -> Result<ReferenceRows, StoreError> {
        let mut db = self.read_now().await?;
        let version = reference_version(&mut db, source).await?;
        let select = "SELECT model, key, record FROM remembered WHERE source = $1";
        let mut found = vec![];
        for row in all!(db, select, source.bytes().as_slice()) {
            let object = ObjectKey { model: row.try_get(0)?, key: row.try_get(1)? };
            found.push((object, rows::from_json(row.try_get(2)?)?));
        }
        Ok(ReferenceRows { version, rows: found })
    }

    async fn processed(&self, source: SourceId, rows: Vec<ProcessedRow>) -> Result<Vec<bool>, StoreError> {
        processed::find_rows(&mut *self.read_now().await?, source, &rows).await
    }

    async fn customers(&self, wanted: Vec<(SourceId, String)>) -> Result<Customers, StoreError> {
        customer::find_customers(&mut *self.read_now().await?, &wanted).await
    }

    async fn endpoint_snapshot(&self) -> Result<Arc<EndpointSnapshot>, StoreError> {
        Ok(self.shared.published.get())
    }

    async fn accept(&self, submission: Arc<Submission>) -> Result<Accepted, StoreError> {
        // Concurrent submissions share the transaction.
        self.writer.write(true, async move |context| accept(context, &submission).await).await
    }
}

async fn recall(db: &mut Db, token: TokenId, key: &IdempotencyKey) -> Result<Option<StoredResponse>, StoreError> {
    let select = "SELECT digest, answer FROM repeats WHERE token = $1 AND kind = $2 AND key = $3";
    let found = first!(db, select, token.bytes().as_slice(), kind_number(key.kind), rows::storable(&key.key));
    let Some(row) = found else { return Ok(None) };
    let digest: Vec<u8> = row.try_get(0)?;
    let digest = digest.try_into().map_err(|_| rows::damaged("a digest"))?;
    Ok(Some(StoredResponse { digest, answer: row.try_get(1)? }))
}

async fn accept(context: &mut WriteContext, submission: &Submission) -> Result<Accepted, StoreError> {
    // Always read first, needed or not, so that all transactions take these locks in the same order.
    let version = context.plan_version().await?;
    if !submission.events.is_empty() && submission.planned_by != version {
        return Ok(Accepted::Stale);
    }
    for (token, key, _) in &submission.repeats {
        if recall(&mut context.db, *token, key).await?.is_some() {
            return Ok(Accepted::Conflict);
        }
    }
    if let Some(source) = submission.source {
        // Other submissions of this source wait until this transaction ends.
        let lock = "SELECT 1 FROM sources WHERE id = $1 FOR NO KEY UPDATE";
        run!(&mut context.db, lock, source.bytes().as_slice());
        let was_processed = processed::are_any(&mut context.db, source, &submission.processed).await?;
        let version = reference_version(&mut context.db, source).await?;
        if was_processed || submission.understood_by.is_some_and(|by| by != version) {
            return Ok(Accepted::Conflict);
        }
        if !submission.snapshots.is_empty() {
            snapshot::check_version(&mut context.db, source, submission.seen_version).await?;
        }
    }
    for (token, key, recalled) in &submission.repeats {
        let insert = "INSERT INTO repeats (token, kind, key, digest, answer, at) VALUES ($1, $2, $3, $4, $5, $6)";
        let (kind, at) = (kind_number(key.kind), submission.now.ms());
        let digest = recalled.digest.as_slice();
        let token = token.bytes().as_slice();
        run!(&mut context.db, insert, token, kind, rows::storable(&key.key), digest, &recalled.answer, at);
    }
    remember(context, &submission.remember).await?;
    customer::update(&mut context.db, &submission.customers).await?;
    if let Some(source) = submission.source {
        snapshot::keep(&mut context.db, source, &submission.snapshots).await?;
        processed::keep(&mut context.db, source, &submission.processed, submission.now).await?;
        let heard = "UPDATE sources SET heard_at = $2 WHERE id = $1";
        run!(&mut context.db, heard, source.bytes().as_slice(), submission.now.ms());
    }
    metrics::counter!("gancho_events_accepted_total").increment(submission.events.len() as u64);
    let mut kept = vec![];
    for event in &submission.events {
        kept.push(keep_event(context, event).await?);
    }
    Ok(Accepted::Kept(kept))
}

/// The version of a source's reference rows.
async fn reference_version(db: &mut Db, source: SourceId) -> Result<u64, StoreError> {
    let select = "SELECT reference_version FROM sources WHERE id = $1";
    Ok(scalar!(db, i64, select, source.bytes().as_slice()).unwrap_or(0).unsigned_abs())
}

/// Stores and removes reference rows. Submissions understood by an older version are refused from now on.
async fn remember(context: &mut WriteContext, updates: &[ReferenceUpdate]) -> Result<(), StoreError> {
    let sources: BTreeSet<SourceId> = updates.iter().map(|update| update.source).collect();
    for source in sources {
        let rise = "UPDATE sources SET reference_version = reference_version + 1 WHERE id = $1";
        run!(&mut context.db, rise, source.bytes().as_slice());
    }
    for remember in updates {
        let (source, model, key) = (
            remember.source.bytes().as_slice(),
            rows::storable(&remember.row.model),
            rows::storable(&remember.row.key),
        );
        match &remember.record {
            Some(record) => {
                let upsert = "INSERT INTO remembered (source, model, key, record) VALUES ($1, $2, $3, $4) \
                    ON CONFLICT (source, model, key) DO UPDATE SET record = excluded.record";
                run!(&mut context.db, upsert, source, model, key, rows::to_json(record))
            }
            None => {
                let forget = "DELETE FROM remembered WHERE source = $1 AND model = $2 AND key = $3";
                run!(&mut context.db, forget, source, model, key)
            }
        };
    }
    Ok(())
}

/// Stores an event of the feed with its deliveries.
async fn keep_event(context: &mut WriteContext, new: &NewEvent) -> Result<(EventId, u64), StoreError> {
    let number = insert_event(context, &new.event, true).await?;
    let routes = context.routes().await?;
    for planned in &new.deliveries {
        let known = routes.find(planned.endpoint);
        let (n, endpoint) = known.ok_or_else(|| rows::damaged("a plan for an endpoint that is not there"))?;
        insert_delivery(context, &new.event, number, (*n, endpoint), planned, Priority::Live).await?;
    }
    Ok((new.event.id, u64::try_from(number).unwrap_or(0)))
}

/// Stores one of Gancho's own events, created within this transaction.
pub(super) async fn keep_own_event(context: &mut WriteContext, event: Event) -> Result<(), StoreError> {
    let routes = context.routes().await?;
    let deliveries =
        plan_deliveries(&event, usize::MAX, routes.iter().map(|(_, endpoint)| &**endpoint), &Customers::new());
    keep_event(context, &NewEvent { event, deliveries }).await.map(drop)
}

pub(super) async fn insert_event(context: &mut WriteContext, event: &Event, in_feed: bool) -> Result<i64, StoreError> {
    let number = context.next_number(in_feed).await?;
    context.new_rows().add_event(number, event);
    Ok(number)
}

/// Inserts a delivery of the numbered event to an endpoint. If the engine reserves a slot, the delivery is leased at
/// once; otherwise it waits in the store.
pub(super) async fn insert_delivery(
    context: &mut WriteContext,
    event: &Event,
    event_number: i64,
    (endpoint_number, endpoint): (i64, &Endpoint),
    planned: &PlannedDelivery,
    lane: Priority,
) -> Result<DeliveryId, StoreError> {
    let (created_at, now) = (event.arrived_at, context.environment.mono());
    let id = DeliveryId::new(created_at, &*context.environment);
    let waits = planned.skipped.is_none();
    let state = if waits { State::Pending } else { State::Skipped };
    let may_go = waits && (lane == Priority::Test || may_go_at_once(endpoint));
    let is_ours = match context.node.get().copied() {
        Some(node) if waits => serving::acquire_endpoint(context, node, endpoint_number, now).await?,
        _ => true,
    };
    let lease = if may_go && is_ours { context.reserve(endpoint.id, now) } else { None };
    let clock = context.clock.clone();
    let node = lease.and_then(|_| context.node_bytes());
    context.new_rows().add_delivery(NewDelivery {
        id,
        event_arrived_at: event.arrived_at,
        event: event_number,
        endpoint: endpoint_number,
        state: state as i64,
        reason: planned.skipped.map(Reason::as_str),
        lane: lane as i64,
        max_attempts: planned.max_attempts,
        due: waits.then(|| clock.kept(lease.unwrap_or(now))),
        leased: lease.map(|_| clock.kept(now)),
        node,
        created_at: created_at.ms(),
        body: planned.body.as_deref(),
    });
    if !waits {
        metrics::counter!("gancho_deliveries_skipped_total").increment(1);
        return Ok(id);
    }
    context.pending.add_waiting(endpoint_number, 1);
    context.notify_later(match lease {
        Some(lease_until) => Notification::Enqueue(Claimed {
            id,
            // Set when the row is written.
            handle: 0,
            endpoint: endpoint.id,
            lane,
            attempts: 0,
            max_attempts: planned.max_attempts,
            lease_until,
            event_id: event.id,
            event: event.event.clone(),
            sequence: u64::try_from(event_number).unwrap_or(0),
            body: planned.body.as_ref().unwrap_or(&event.body).clone(),
        }),
        None if is_ours => Notification::Due(endpoint.id, lane, now),
        None => {
            context.broadcast_due(endpoint.id, lane);
            return Ok(id);
        }
    });
    Ok(id)
}
