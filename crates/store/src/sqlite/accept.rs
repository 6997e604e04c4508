//! Events come in, each with its deliveries.

use async_trait::async_trait;
use gancho_model::{DeliveryId, Endpoint, EventId, Lane, ObjectKey, Reason, Record, SourceId, State, TokenId};
use rusqlite::{Connection, OptionalExtension, params};

use super::{
    SqliteStore,
    desk::{Desk, Ring},
    processed, rows, snapshot,
};
use crate::{
    Accepted, Accepting, Claimed, NewEvent, ProcessedRow, Recalled, RepeatKey, RepeatKind, StoreError, Submission,
};

#[async_trait]
impl Accepting for SqliteStore {
    async fn recall(&self, token: TokenId, keys: Vec<RepeatKey>) -> Result<Vec<Option<Recalled>>, StoreError> {
        self.read(move |db| keys.iter().map(|key| recall(db, token, key)).collect()).await
    }

    async fn remembered(&self, source: SourceId) -> Result<Vec<(ObjectKey, Record)>, StoreError> {
        // Through the writer: a request that was given up may still be waiting there to be committed.
        self.write(false, move |desk| {
            let mut select = desk.db.prepare_cached("SELECT model, key, record FROM remembered WHERE source = ?1")?;
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
        self.write(false, move |desk| processed::find(&desk.db, source, &rows)).await
    }

    async fn accept(&self, submission: Submission) -> Result<Accepted, StoreError> {
        self.write(true, move |desk| accept(desk, &submission)).await
    }
}

fn kind_number(kind: RepeatKind) -> i64 {
    match kind {
        RepeatKind::Request => 0,
        RepeatKind::Event => 1,
        RepeatKind::Change => 2,
    }
}

fn recall(db: &Connection, token: TokenId, key: &RepeatKey) -> Result<Option<Recalled>, StoreError> {
    let select = "SELECT digest, answer FROM repeats WHERE token = ?1 AND kind = ?2 AND key = ?3";
    let found = db
        .prepare_cached(select)?
        .query_row(params![token.bytes(), kind_number(key.kind), key.key], |row| {
            Ok(Recalled { digest: row.get(0)?, answer: row.get(1)? })
        })
        .optional()?;
    Ok(found)
}

fn accept(desk: &mut Desk, submission: &Submission) -> Result<Accepted, StoreError> {
    for (token, key, _) in &submission.repeats {
        if recall(&desk.db, *token, key)?.is_some() {
            return Ok(Accepted::Raced);
        }
    }
    if let Some(source) = submission.source
        && processed::are_any(&desk.db, source, &submission.processed)?
    {
        return Ok(Accepted::Raced);
    }
    for (token, key, recalled) in &submission.repeats {
        let insert = "INSERT INTO repeats (token, kind, key, digest, answer, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let kind = kind_number(key.kind);
        let at = submission.now.ms();
        desk.db.prepare_cached(insert)?.execute(params![
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
                desk.db.prepare_cached(upsert)?.execute(params![source, row.model, row.key, record])?
            }
            None => {
                let forget = "DELETE FROM remembered WHERE source = ?1 AND model = ?2 AND key = ?3";
                desk.db.prepare_cached(forget)?.execute(params![source, row.model, row.key])?
            }
        };
    }
    if let Some(source) = submission.source {
        snapshot::keep(&desk.db, source, &submission.sights)?;
        processed::keep(&desk.db, source, &submission.processed)?;
        let mut heard = desk.db.prepare_cached("UPDATE sources SET heard_at = ?2 WHERE id = ?1")?;
        heard.execute(params![source.bytes(), submission.now.ms()])?;
    }
    metrics::counter!("gancho_events_accepted_total").increment(submission.events.len() as u64);
    let keep = |event: &NewEvent| keep_event(desk, event);
    Ok(Accepted::Kept(submission.events.iter().map(keep).collect::<Result<_, _>>()?))
}

/// Keeps an event of the feed, and a delivery for each endpoint that wants it.
pub(super) fn keep_event(desk: &mut Desk, new: &NewEvent) -> Result<(EventId, u64), StoreError> {
    let number = insert_event(desk, new, true)?;
    for (n, endpoint) in desk.routes()?.iter() {
        if endpoint.wants(&new.event.event, new.event.source) {
            insert_delivery(desk, new, number, *n, endpoint, Lane::Live)?;
        }
    }
    Ok((new.event.id, u64::try_from(number).unwrap_or(0)))
}

pub(super) fn insert_event(desk: &mut Desk, new: &NewEvent, in_feed: bool) -> Result<i64, StoreError> {
    let number = desk.next_number(in_feed)?;
    let event = &new.event;
    let insert = "INSERT INTO events (n, id, type, created, arrived_at, source, object, body, label) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
    desk.db.prepare_cached(insert)?.execute(params![
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
    desk: &mut Desk,
    new: &NewEvent,
    event_number: i64,
    endpoint_number: i64,
    endpoint: &Endpoint,
    lane: Lane,
) -> Result<DeliveryId, StoreError> {
    let (created_at, now) = (new.event.arrived_at, desk.ambient.mono());
    let id = DeliveryId::new(created_at, &*desk.ambient);
    let max_attempts = if lane == Lane::Test { 1 } else { endpoint.retry.attempts() };
    let state = if new.deliverable { State::Pending } else { State::Skipped };
    let may_go = new.deliverable && (lane == Lane::Test || (endpoint.is_open() && !endpoint.health.is_failing()));
    let insert = "INSERT INTO deliveries (id, event, endpoint, state, reason, lane, attempts, max_attempts, due, \
        leased, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0, ?7, ?8, ?9, ?10)";
    let mut insert = desk.db.prepare_cached(insert)?;
    let lease = if may_go { desk.reserve(endpoint.id, now) } else { None };
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
            desk.tell(Ring::HandOver(claimed(id, 0, endpoint, lane, max_attempts, lease_until, new, event_number)));
            return Err(error.into());
        }
    };
    if !new.deliverable {
        metrics::counter!("gancho_deliveries_skipped_total").increment(1);
        return Ok(id);
    }
    desk.waiting(endpoint_number, 1);
    desk.tell(match lease {
        Some(until) => Ring::HandOver(claimed(id, handle, endpoint, lane, max_attempts, until, new, event_number)),
        None => Ring::Due(endpoint.id, lane, now),
    });
    Ok(id)
}

#[expect(clippy::too_many_arguments, reason = "it gathers what its caller has at hand, once")]
fn claimed(
    id: DeliveryId,
    handle: i64,
    endpoint: &Endpoint,
    lane: Lane,
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
