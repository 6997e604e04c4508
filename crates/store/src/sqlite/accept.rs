//! Events come in, each with its deliveries.

use async_trait::async_trait;
use gancho_model::{DeliveryId, Endpoint, EventId, ObjectKey, Priority, Reason, Record, SourceId, State, TokenId};
use rusqlite::{Connection, OptionalExtension, params};

use super::{
    SqliteStore, processed, rows, snapshot,
    write_context::{Notification, WriteContext},
};
use crate::{
    Accepted, Accepting, Claimed, IdempotencyKey, IdempotencyKind, NewEvent, ProcessedRow, StoreError, StoredResponse,
    Submission,
};

#[async_trait]
impl Accepting for SqliteStore {
    async fn recall(
        &self,
        token: TokenId,
        keys: Vec<IdempotencyKey>,
    ) -> Result<Vec<Option<StoredResponse>>, StoreError> {
        self.read(move |db| keys.iter().map(|key| recall(db, token, key)).collect()).await
    }

    async fn remembered(&self, source: SourceId) -> Result<Vec<(ObjectKey, Record)>, StoreError> {
        // Through the writer: a request that was given up may still be waiting there to be committed.
        self.write(false, move |context| {
            let mut select =
                context.db.prepare_cached("SELECT model, key, record FROM remembered WHERE source = ?1")?;
            let mut rows = select.query([source.bytes()])?;
            let mut found = vec![];
            while let Some(row) = rows.next()? {
                let row_key = ObjectKey { model: row.get(0)?, key: row.get(1)? };
                found.push((row_key, rows::from_json(&row.get::<_, String>(2)?)?));
            }
            Ok(found)
        })
        .await
    }

    async fn processed(&self, source: SourceId, rows: Vec<ProcessedRow>) -> Result<Vec<bool>, StoreError> {
        // Through the writer, as above.
        self.write(false, move |context| processed::find_rows(&context.db, source, &rows)).await
    }

    async fn accept(&self, submission: Submission) -> Result<Accepted, StoreError> {
        self.write(true, move |context| accept(context, &submission)).await
    }
}

fn kind_number(kind: IdempotencyKind) -> i64 {
    match kind {
        IdempotencyKind::Request => 0,
        IdempotencyKind::Event => 1,
        IdempotencyKind::Change => 2,
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
    for (token, key, _) in &submission.repeats {
        if recall(&context.db, *token, key)?.is_some() {
            return Ok(Accepted::Conflict);
        }
    }
    if let Some(source) = submission.source
        && processed::are_any(&context.db, source, &submission.processed)?
    {
        return Ok(Accepted::Conflict);
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
    for remember in &submission.remember {
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
    if let Some(source) = submission.source {
        snapshot::keep(&context.db, source, &submission.snapshots)?;
        processed::keep(&context.db, source, &submission.processed)?;
        let mut heard = context.db.prepare_cached("UPDATE sources SET heard_at = ?2 WHERE id = ?1")?;
        heard.execute(params![source.bytes(), submission.now.ms()])?;
    }
    metrics::counter!("gancho_events_accepted_total").increment(submission.events.len() as u64);
    let keep = |event: &NewEvent| keep_event(context, event);
    Ok(Accepted::Kept(submission.events.iter().map(keep).collect::<Result<_, _>>()?))
}

/// Keeps an event of the feed, and a delivery for each endpoint that wants it.
pub(super) fn keep_event(context: &mut WriteContext, new: &NewEvent) -> Result<(EventId, u64), StoreError> {
    let number = insert_event(context, new, true)?;
    for (n, endpoint) in context.routes()?.iter() {
        if endpoint.collects(&new.event.event, new.event.source) {
            insert_delivery(context, new, number, *n, endpoint, Priority::Live)?;
        }
    }
    Ok((new.event.id, u64::try_from(number).unwrap_or(0)))
}

pub(super) fn insert_event(context: &mut WriteContext, new: &NewEvent, in_feed: bool) -> Result<i64, StoreError> {
    let number = context.next_number(in_feed)?;
    let event = &new.event;
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

/// A delivery of an event to an endpoint. Where the engine has a place free, it goes there at
/// once, under a lease; else it waits in the store.
pub(super) fn insert_delivery(
    context: &mut WriteContext,
    new: &NewEvent,
    event_number: i64,
    endpoint_number: i64,
    endpoint: &Endpoint,
    lane: Priority,
) -> Result<DeliveryId, StoreError> {
    let (created_at, now) = (new.event.arrived_at, context.environment.mono());
    let id = DeliveryId::new(created_at, &*context.environment);
    let max_attempts = if lane == Priority::Test { 1 } else { endpoint.retry.attempts() };
    let state = if new.deliverable { State::Pending } else { State::Skipped };
    let may_go = new.deliverable && (lane == Priority::Test || (endpoint.is_open() && !endpoint.health.is_failing()));
    let insert = "INSERT INTO deliveries (id, event, endpoint, state, reason, lane, attempts, max_attempts, due, \
        leased, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0, ?7, ?8, ?9, ?10)";
    let mut insert = context.db.prepare_cached(insert)?;
    let lease = if may_go { context.reserve(endpoint.id, now) } else { None };
    let inserted = insert.insert(params![
        id.bytes(),
        event_number,
        endpoint_number,
        state as i64,
        (!new.deliverable).then_some(Reason::TooLarge.as_str()),
        lane as i64,
        max_attempts,
        new.deliverable.then(|| lease.unwrap_or(now).ms()),
        lease.map(|_| now.ms()),
        created_at.ms(),
    ]);
    drop(insert);
    let handle = match (inserted, lease) {
        (Ok(handle), _) => handle,
        (Err(error), None) => return Err(error.into()),
        (Err(error), Some(lease_until)) => {
            // So that the place is given back with the rest of the transaction.
            context.notify_later(Notification::Enqueue(claimed(
                id,
                0,
                endpoint,
                lane,
                max_attempts,
                lease_until,
                new,
                event_number,
            )));
            return Err(error.into());
        }
    };
    if !new.deliverable {
        metrics::counter!("gancho_deliveries_skipped_total").increment(1);
        return Ok(id);
    }
    context.waiting(endpoint_number, 1);
    context.notify_later(match lease {
        Some(until) => {
            Notification::Enqueue(claimed(id, handle, endpoint, lane, max_attempts, until, new, event_number))
        }
        None => Notification::Due(endpoint.id, lane, now),
    });
    Ok(id)
}

#[expect(clippy::too_many_arguments, reason = "it gathers what its caller has at hand, once")]
fn claimed(
    id: DeliveryId,
    handle: i64,
    endpoint: &Endpoint,
    lane: Priority,
    max_attempts: u32,
    lease_until: gancho_model::MonoTime,
    new: &NewEvent,
    event_number: i64,
) -> Claimed {
    Claimed {
        id,
        handle,
        endpoint: endpoint.id,
        lane,
        attempts: 0,
        max_attempts,
        lease_until,
        event_id: new.event.id,
        event: new.event.event.clone(),
        sequence: u64::try_from(event_number).unwrap_or(0),
        body: new.event.body.clone(),
    }
}
