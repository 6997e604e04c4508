//! Accepts events, each with its deliveries.

use std::{collections::BTreeSet, sync::Arc};

use async_trait::async_trait;
use const_format::formatcp;
use gancho_model::{
    Customers, DeliveryId, Endpoint, Event, EventId, ObjectKey, PlannedDelivery, Priority, Reason, SourceId, State,
    TokenId, may_go_at_once, plan_deliveries,
};
use rusqlite::{Connection, OptionalExtension, params};

use super::{
    SqliteStore, customer, processed,
    rows::{self, FAILED},
    snapshot,
    write_context::{Notification, WriteContext},
};
use crate::{
    Accepted, Accepting, Claimed, EndpointSnapshot, IdempotencyKey, NewEvent, ProcessedRow, ReferenceRows,
    ReferenceUpdate, StoreError, StoredResponse, Submission, stored::kind_number,
};

#[async_trait]
impl Accepting for SqliteStore {
    async fn recall(
        &self,
        token: TokenId,
        keys: Vec<IdempotencyKey>,
    ) -> Result<Vec<Option<StoredResponse>>, StoreError> {
        self.read_now(move |db| keys.iter().map(|key| recall(db, token, key)).collect()).await
    }

    async fn remembered(&self, source: SourceId) -> Result<ReferenceRows, StoreError> {
        // Through the writer: an abandoned request may still be queued there for commit.
        self.write_now(false, move |context| {
            let mut select =
                context.db.prepare_cached("SELECT model, key, record FROM remembered WHERE source = ?1")?;
            let mut rows = select.query([source.bytes()])?;
            let mut found = ReferenceRows { version: reference_version(&context.db, source)?, rows: vec![] };
            while let Some(row) = rows.next()? {
                let row_key = ObjectKey { model: row.get(0)?, key: row.get(1)? };
                found.rows.push((row_key, rows::from_json(&row.get::<_, String>(2)?)?));
            }
            Ok(found)
        })
        .await
    }

    async fn processed(&self, source: SourceId, rows: Vec<ProcessedRow>) -> Result<Vec<bool>, StoreError> {
        // Through the writer, as above.
        self.write_now(false, move |context| processed::find_rows(&context.db, source, &rows)).await
    }

    async fn customers(&self, wanted: Vec<(SourceId, String)>) -> Result<Customers, StoreError> {
        self.read_now(move |db| customer::find_customers(db, &wanted)).await
    }

    async fn endpoint_snapshot(&self) -> Result<Arc<EndpointSnapshot>, StoreError> {
        Ok(self.published.get())
    }

    async fn accept(&self, submission: Arc<Submission>) -> Result<Accepted, StoreError> {
        self.write_now(true, move |context| accept(context, &submission)).await
    }
}

fn recall(db: &Connection, token: TokenId, key: &IdempotencyKey) -> Result<Option<StoredResponse>, StoreError> {
    let select = "SELECT digest, answer FROM repeats WHERE token = ?1 AND kind = ?2 AND key = ?3";
    let found = db
        .prepare_cached(select)?
        .query_row(params![token.bytes(), kind_number(key.kind), key.key], |row| {
            Ok(StoredResponse { digest: row.get(0)?, answer: row.get(1)? })
        })
        .optional()?;
    Ok(found)
}

fn accept(context: &mut WriteContext, submission: &Submission) -> Result<Accepted, StoreError> {
    if !submission.events.is_empty() && submission.planned_by != context.plan_version() {
        return Ok(Accepted::Stale);
    }
    for (token, key, _) in &submission.repeats {
        if recall(&context.db, *token, key)?.is_some() {
            return Ok(Accepted::Conflict);
        }
    }
    if let Some(source) = submission.source {
        let was_processed = processed::are_any(&context.db, source, &submission.processed)?;
        let version = reference_version(&context.db, source)?;
        if was_processed || submission.understood_by.is_some_and(|by| by != version) {
            return Ok(Accepted::Conflict);
        }
        if !submission.snapshots.is_empty() {
            snapshot::check_version(&context.db, source, submission.seen_version)?;
        }
    }
    for (token, key, recalled) in &submission.repeats {
        let insert = "INSERT INTO repeats (token, kind, key, digest, answer, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let kind = kind_number(key.kind);
        let at = submission.now.ms();
        context.db.prepare_cached(insert)?.execute(params![
            token.bytes(),
            kind,
            key.key,
            recalled.digest,
            recalled.answer,
            at
        ])?;
    }
    remember(context, &submission.remember)?;
    customer::update(&context.db, &submission.customers)?;
    if let Some(source) = submission.source {
        snapshot::keep(&context.db, source, &submission.snapshots)?;
        processed::keep(&context.db, source, &submission.processed, submission.now)?;
        let mut update = context.db.prepare_cached("UPDATE sources SET heard_at = ?2 WHERE id = ?1")?;
        update.execute(params![source.bytes(), submission.now.ms()])?;
    }
    metrics::counter!("gancho_events_accepted_total").increment(submission.events.len() as u64);
    let keep = |event: &NewEvent| keep_event(context, event);
    Ok(Accepted::Kept(submission.events.iter().map(keep).collect::<Result<_, _>>()?))
}

/// The version of a source's reference rows.
fn reference_version(db: &Connection, source: SourceId) -> Result<u64, StoreError> {
    let mut select = db.prepare_cached("SELECT reference_version FROM sources WHERE id = ?1")?;
    let version: Option<i64> = select.query_row([source.bytes()], |row| row.get(0)).optional()?;
    Ok(version.unwrap_or(0).unsigned_abs())
}

/// Stores and removes reference rows. Submissions understood by an older version are refused from now on.
fn remember(context: &WriteContext, updates: &[ReferenceUpdate]) -> Result<(), StoreError> {
    let sources: BTreeSet<SourceId> = updates.iter().map(|update| update.source).collect();
    for source in sources {
        let rise = "UPDATE sources SET reference_version = reference_version + 1 WHERE id = ?1";
        context.db.prepare_cached(rise)?.execute([source.bytes()])?;
    }
    for remember in updates {
        let (source, row) = (remember.source.bytes(), &remember.row);
        match &remember.record {
            Some(record) => {
                let upsert = "INSERT INTO remembered (source, model, key, record) VALUES (?1, ?2, ?3, ?4) \
                    ON CONFLICT DO UPDATE SET record = excluded.record";
                let record = rows::to_json(record);
                context.db.prepare_cached(upsert)?.execute(params![source, row.model, row.key, record])?
            }
            None => {
                let forget = "DELETE FROM remembered WHERE source = ?1 AND model = ?2 AND key = ?3";
                context.db.prepare_cached(forget)?.execute(params![source, row.model, row.key])?
            }
        };
    }
    Ok(())
}

/// Stores an event of the feed with its deliveries.
fn keep_event(context: &mut WriteContext, new: &NewEvent) -> Result<(EventId, u64), StoreError> {
    let number = insert_event(context, &new.event, true)?;
    let routes = context.routes()?;
    for planned in &new.deliveries {
        let known = routes.find(planned.endpoint);
        let (n, endpoint) = known.ok_or_else(|| rows::damaged("a plan for an endpoint that is not there"))?;
        insert_delivery(context, &new.event, number, (*n, endpoint), planned, Priority::Live)?;
    }
    Ok((new.event.id, u64::try_from(number).unwrap_or(0)))
}

/// Stores one of Gancho's own events, created within this transaction.
pub(super) fn keep_own_event(context: &mut WriteContext, event: Event) -> Result<(), StoreError> {
    let routes = context.routes()?;
    let deliveries =
        plan_deliveries(&event, usize::MAX, routes.iter().map(|(_, endpoint)| &**endpoint), &Customers::new());
    keep_event(context, &NewEvent { event, deliveries }).map(drop)
}

pub(super) fn insert_event(context: &mut WriteContext, event: &Event, in_feed: bool) -> Result<i64, StoreError> {
    let number = context.next_number(in_feed)?;
    let insert = "INSERT INTO events (n, id, type, created, arrived_at, source, object, body, label) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
    context.db.prepare_cached(insert)?.execute(params![
        number,
        event.id.bytes(),
        event.event.as_str(),
        event.created.ms(),
        event.arrived_at.ms(),
        event.source.as_ref().map(SourceId::bytes),
        event.object.as_ref().map(ToString::to_string),
        &event.body[..],
        event.label,
    ])?;
    Ok(number)
}

/// A delivery that was made elsewhere and has ended: id, event, endpoint, lane, time.
pub(super) const INSERT_ENDED: &str = formatcp!(
    "INSERT INTO deliveries (id, event, endpoint, state, lane, attempts, max_attempts, created_at) \
    VALUES (?1, ?2, ?3, {FAILED}, ?4, 0, 1, ?5)"
);

/// Inserts a delivery of the numbered event to an endpoint. If the engine reserves a slot, the delivery is leased at
/// once; otherwise it waits in the store.
pub(super) fn insert_delivery(
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
    let insert = "INSERT INTO deliveries (id, event, endpoint, state, reason, lane, attempts, max_attempts, due, \
        leased, created_at, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0, ?7, ?8, ?9, ?10, ?11)";
    let mut insert = context.db.prepare_cached(insert)?;
    let lease = if may_go { context.reserve(endpoint.id, now) } else { None };
    let inserted = insert.insert(params![
        id.bytes(),
        event_number,
        endpoint_number,
        state as i64,
        planned.skipped.map(Reason::as_str),
        lane as i64,
        planned.max_attempts,
        waits.then(|| lease.unwrap_or(now).ms()),
        lease.map(|_| now.ms()),
        created_at.ms(),
        planned.body.as_deref(),
    ]);
    drop(insert);
    let claimed = |handle, lease_until| Claimed {
        id,
        handle,
        endpoint: endpoint.id,
        lane,
        attempts: 0,
        max_attempts: planned.max_attempts,
        lease_until,
        event_id: event.id,
        event: event.event.clone(),
        sequence: u64::try_from(event_number).unwrap_or(0),
        body: planned.body.as_ref().unwrap_or(&event.body).clone(),
    };
    let handle = match (inserted, lease) {
        (Ok(handle), _) => handle,
        (Err(error), None) => return Err(error.into()),
        (Err(error), Some(lease_until)) => {
            // The rollback then cancels the reservation.
            context.notify_later(Notification::Enqueue(claimed(0, lease_until)));
            return Err(error.into());
        }
    };
    if !waits {
        metrics::counter!("gancho_deliveries_skipped_total").increment(1);
        return Ok(id);
    }
    context.pending.add_waiting(endpoint_number, 1);
    context.notify_later(match lease {
        Some(until) => Notification::Enqueue(claimed(handle, until)),
        None => Notification::Due(endpoint.id, lane, now),
    });
    Ok(id)
}
