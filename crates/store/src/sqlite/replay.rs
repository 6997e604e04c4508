//! Resends events: failed ones, those that an endpoint missed, or all.

use std::collections::HashMap;

use const_format::formatcp;
use gancho_model::{
    Customers, DeliveryId, Endpoint, EventView, Include, Moment, MonoTime, ObjectKey, PlannedDelivery, Priority,
    ReplayAction, SourceId, State, Timestamp, customer_of_body, mismatch, replay_action,
};
use rusqlite::{Connection, OptionalExtension, params};

use super::rows::{FAILED, PENDING, REPLAY, TEST};
use super::{
    customer, job, rows,
    since::lowest_since,
    write_context::{Notification, WriteContext},
};
use crate::{
    Replay, Replayed, StoreError,
    stored::replay::{BATCH, Candidate, Ruled},
};

/// Scans the next events after `after` and resends those that match.
pub(super) fn replay(
    context: &mut WriteContext,
    replay: &Replay,
    (after, ruled): (i64, &Ruled),
    now: Moment,
) -> Result<Replayed, StoreError> {
    let routes = context.routes()?;
    let (number, endpoint) = routes.find(replay.endpoint).ok_or(StoreError::NotFound)?;
    if ruled.is_stale(endpoint) {
        // The endpoint's rules changed after they were evaluated: repeat this batch.
        return Ok(Replayed { count: 0, next: u64::try_from(after).ok() });
    }
    let candidates = candidates(&context.db, after)?;
    let mut replayed = Replayed::default();
    let done = candidates.len() < BATCH as usize;
    let last = candidates.last().map(|last| last.n);
    for candidate in candidates {
        if replay.takes(&candidate) && send_again(context, replay, (*number, endpoint), (&candidate, ruled), now)? {
            replayed.count += 1;
        }
    }
    job::add_sent(&context.db, replay.job.filter(|_| !replay.dry_run), replayed.count)?;
    replayed.next = last.filter(|_| !done).and_then(|last| u64::try_from(last).ok());
    if replayed.count > 0 && !replay.dry_run {
        context.notify_later(Notification::Due(endpoint.id, Priority::Replay, now.mono));
    }
    Ok(replayed)
}

/// Evaluates a webhook's rules for the next batch.
pub(super) fn rule(db: &Connection, endpoint: Endpoint, replay: &Replay, after: i64) -> Result<Ruled, StoreError> {
    if !endpoint.is_tailored() {
        return Ok(Ruled { by: None, planned: HashMap::new() });
    }
    let mut planned = HashMap::new();
    for candidate in candidates(db, after)? {
        if !replay.asks_rules(&endpoint, &candidate) {
            continue;
        }
        let select = "SELECT body FROM events WHERE n = ?1";
        let body: Option<Vec<u8>> = db.prepare_cached(select)?.query_row([candidate.n], |row| row.get(0)).optional()?;
        let Some(body) = body else { continue };
        let bytes_max = usize::try_from(replay.bytes_max).unwrap_or(usize::MAX);
        let customers = known_customers(db, &endpoint, candidate.source, &body)?;
        let view = EventView::of(&body).with_customers(candidate.source, &customers);
        planned.insert(candidate.n, PlannedDelivery::new(&endpoint, &view, bytes_max));
    }
    Ok(Ruled { by: Some(endpoint), planned })
}

/// Data of an event's customer, if an endpoint includes it.
fn known_customers(
    db: &Connection,
    endpoint: &Endpoint,
    source: Option<SourceId>,
    body: &[u8],
) -> Result<Customers, StoreError> {
    let wanted = source.filter(|_| endpoint.include.contains(&Include::Customer)).zip(customer_of_body(body));
    wanted.map_or(Ok(Customers::new()), |wanted| customer::find_customers(db, &[wanted]))
}

/// The number after which the batch begins.
pub(super) fn first_after(db: &Connection, replay: &Replay, after: Option<u64>) -> Result<i64, StoreError> {
    match after {
        Some(after) => Ok(i64::try_from(after).unwrap_or(i64::MAX)),
        None => Ok(lowest_since(db, "events", replay.since)?.map_or(i64::MAX, |lowest| lowest - 1)),
    }
}

fn candidates(db: &Connection, after: i64) -> Result<Vec<Candidate>, StoreError> {
    let select =
        "SELECT n, type, arrived_at, source, length(body), object FROM events WHERE n > ?1 ORDER BY n LIMIT ?2";
    let mut select = db.prepare_cached(select)?;
    let mut found = select.query([after.max(0), BATCH])?;
    let mut candidates = vec![];
    while let Some(row) = found.next()? {
        let source: Option<[u8; 16]> = row.get(3)?;
        let object: Option<String> = row.get(5)?;
        candidates.push(Candidate {
            object: object.as_deref().and_then(ObjectKey::parse),
            n: row.get(0)?,
            event: rows::event_type(&row.get::<_, String>(1)?)?,
            arrived_at: Timestamp::from_ms(row.get(2)?),
            source: source.map(SourceId::from_bytes),
            bytes: row.get::<_, i64>(4)?.unsigned_abs(),
        });
    }
    Ok(candidates)
}

/// Resends one event if it matches; returns whether it was (or would be) sent.
fn send_again(
    context: &mut WriteContext,
    replay: &Replay,
    (number, endpoint): (i64, &Endpoint),
    (candidate, ruled): (&Candidate, &Ruled),
    now: Moment,
) -> Result<bool, StoreError> {
    let select = formatcp!(
        "SELECT n, state FROM deliveries WHERE event = ?1 AND endpoint = ?2 AND lane < {TEST} ORDER BY n LIMIT 1"
    );
    let known: Option<(i64, i64)> = context
        .db
        .prepare_cached(select)?
        .query_row([candidate.n, number], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let known = known.map(|(n, state)| rows::state_of(state).map(|state| (n, state))).transpose()?;
    let (is_let_through, body) = ruled.of(candidate.n);
    let fits = candidate.bytes <= replay.bytes_max && is_let_through;
    let mismatch = mismatch(endpoint, &candidate.event, candidate.source);
    let action = replay_action(replay.only, known.map(|(_, state)| state), mismatch, fits);
    if !replay.dry_run {
        match (action, known) {
            (ReplayAction::Requeue, Some((n, state))) => {
                if state == State::Skipped {
                    set_body(context, n, body)?;
                }
                requeue(context, n, (number, endpoint), now.mono, replay.job)?;
            }
            (ReplayAction::Insert, _) => insert(context, (candidate.n, body), (number, endpoint), now, replay.job)?,
            _ => {}
        }
    }
    Ok(action != ReplayAction::Nothing)
}

/// A skipped delivery has no body of its own yet.
fn set_body(context: &WriteContext, n: i64, body: Option<&[u8]>) -> Result<(), StoreError> {
    context.db.prepare_cached("UPDATE deliveries SET body = ?2 WHERE n = ?1")?.execute(params![n, body])?;
    Ok(())
}

/// Makes an ended delivery pending again, in the replay queue, with a new plan.
pub(super) fn requeue(
    context: &mut WriteContext,
    n: i64,
    (number, endpoint): (i64, &Endpoint),
    now: MonoTime,
    job: Option<u64>,
) -> Result<(), StoreError> {
    let update = formatcp!(
        "UPDATE deliveries SET state = {PENDING}, reason = NULL, lane = {REPLAY}, max_attempts = attempts + ?2, due = ?3, \
        leased = NULL, job = ?4 WHERE n = ?1"
    );
    let params = params![n, endpoint.retry.attempts(), now.ms(), job.map(u64::cast_signed)];
    context.db.prepare_cached(update)?.execute(params)?;
    context.pending.add_waiting(number, 1);
    Ok(())
}

fn insert(
    context: &mut WriteContext,
    (event, body): (i64, Option<&[u8]>),
    (number, endpoint): (i64, &Endpoint),
    now: Moment,
    job: Option<u64>,
) -> Result<(), StoreError> {
    let id = DeliveryId::new(now.wall, &*context.environment);
    let insert = formatcp!(
        "INSERT INTO deliveries (id, event, endpoint, state, lane, attempts, max_attempts, due, created_at, job, body) \
        VALUES (?1, ?2, ?3, {PENDING}, {REPLAY}, 0, ?4, ?5, ?6, ?7, ?8)"
    );
    let attempts = endpoint.retry.attempts();
    let job = job.map(u64::cast_signed);
    let params = params![id.bytes(), event, number, attempts, now.mono.ms(), now.wall.ms(), job, body];
    context.db.prepare_cached(insert)?.execute(params)?;
    context.pending.add_waiting(number, 1);
    Ok(())
}

/// Resends what failed since an outage began; at most this many, far more than a failing endpoint's probes can use up
/// in five days.
pub(super) fn resend_outage(
    context: &mut WriteContext,
    number: i64,
    endpoint: &Endpoint,
    since: Timestamp,
    now: MonoTime,
) -> Result<u64, StoreError> {
    const MOST: i64 = 10_000;
    // The outage began when an attempt ended; the last attempt's start and duration are stored.
    let select = formatcp!(
        "SELECT n FROM deliveries WHERE endpoint = ?1 AND state = {FAILED} AND last_at >= ?2 - 120000 \
        AND last_at + coalesce(last_ms, 0) + 10 >= ?2 AND lane < {TEST} \
        ORDER BY n DESC LIMIT ?3"
    );
    let failed: Vec<i64> = {
        let mut select = context.db.prepare_cached(select)?;
        select.query_map([number, since.ms(), MOST], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?
    };
    for n in &failed {
        requeue(context, *n, (number, endpoint), now, None)?;
    }
    if !failed.is_empty() {
        context.notify_later(Notification::Due(endpoint.id, Priority::Replay, now));
    }
    Ok(failed.len() as u64)
}
