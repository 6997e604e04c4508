//! Resends events: failed ones, those that an endpoint missed, or all.

use std::collections::HashMap;

use const_format::formatcp;
use gancho_model::{
    Customers, DeliveryId, Endpoint, EventId, EventView, Include, Moment, MonoTime, ObjectKey, PlannedDelivery,
    Priority, ReplayAction, SourceId, State, Timestamp, customer_of_body, mismatch, replay_action,
};
use sqlx::Row as _;

use super::rows::{FAILED, PENDING, REPLAY, TEST};
use super::{
    Db, customer, job,
    partition::first_number,
    rows,
    write_context::{Notification, WriteContext},
};
use crate::{
    Replay, Replayed, StoreError,
    stored::{
        DISORDER_MS,
        replay::{BATCH, Candidate, Ruled},
        state_of,
    },
};

/// Class of the advisory locks of endpoints' replays: `grep`.
const LOCK: i32 = 0x6772_6570;

/// Scans the next events after `after` and resends those that match.
pub(super) async fn replay(
    context: &mut WriteContext,
    replay: &Replay,
    (after, ruled): (i64, &Ruled),
    now: Moment,
) -> Result<Replayed, StoreError> {
    let routes = context.routes().await?;
    let (number, endpoint) = routes.find(replay.endpoint).ok_or(StoreError::NotFound)?;
    if ruled.is_stale(endpoint) {
        // The endpoint's rules changed after they were evaluated: repeat this batch.
        return Ok(Replayed { count: 0, next: u64::try_from(after).ok() });
    }
    if !replay.dry_run {
        // Two nodes that replay to one endpoint would both insert what it never got: this batch is repeated later.
        let lock = "SELECT pg_try_advisory_xact_lock($1, $2)";
        let is_alone = scalar!(&mut context.db, bool, lock, LOCK, i32::try_from(*number).unwrap_or(i32::MAX));
        if is_alone != Some(true) {
            return Ok(Replayed { count: 0, next: u64::try_from(after).ok() });
        }
    }
    let candidates = candidates(&mut context.db, after).await?;
    let mut replayed = Replayed::default();
    let done = candidates.len() < BATCH as usize;
    let last = candidates.last().map(|last| last.n);
    for candidate in candidates {
        if replay.takes(&candidate)
            && send_again(context, replay, (*number, endpoint), (&candidate, ruled), now).await?
        {
            replayed.count += 1;
        }
    }
    job::add_sent(&mut context.db, replay.job.filter(|_| !replay.dry_run), replayed.count).await?;
    replayed.next = last.filter(|_| !done).and_then(|last| u64::try_from(last).ok());
    if replayed.count > 0 && !replay.dry_run {
        context.notify_later(Notification::Due(endpoint.id, Priority::Replay, now.mono));
    }
    Ok(replayed)
}

/// Evaluates a webhook's rules for the next batch.
pub(super) async fn rule(db: &mut Db, endpoint: Endpoint, replay: &Replay, after: i64) -> Result<Ruled, StoreError> {
    if !endpoint.is_tailored() {
        return Ok(Ruled { by: None, planned: HashMap::new() });
    }
    let mut planned = HashMap::new();
    for candidate in candidates(db, after).await? {
        if !replay.asks_rules(&endpoint, &candidate) {
            continue;
        }
        let body = scalar!(db, Vec<u8>, "SELECT body FROM events WHERE n = $1", candidate.n);
        let Some(body) = body else { continue };
        let bytes_max = usize::try_from(replay.bytes_max).unwrap_or(usize::MAX);
        let customers = known_customers(db, &endpoint, candidate.source, &body).await?;
        let view = EventView::of(&body).with_customers(candidate.source, &customers);
        planned.insert(candidate.n, PlannedDelivery::new(&endpoint, &view, bytes_max));
    }
    Ok(Ruled { by: Some(endpoint), planned })
}

/// Data of an event's customer, if an endpoint includes it.
async fn known_customers(
    db: &mut Db,
    endpoint: &Endpoint,
    source: Option<SourceId>,
    body: &[u8],
) -> Result<Customers, StoreError> {
    match source.filter(|_| endpoint.include.contains(&Include::Customer)).zip(customer_of_body(body)) {
        Some(wanted) => customer::find_customers(db, &[wanted]).await,
        None => Ok(Customers::new()),
    }
}

/// The number after which the batch begins.
pub(super) async fn first_after(db: &mut Db, replay: &Replay, after: Option<u64>) -> Result<i64, StoreError> {
    match after {
        Some(after) => Ok(i64::try_from(after).unwrap_or(i64::MAX)),
        None => before_first(db, replay.since).await,
    }
}

/// The number before the first event since then. Ids sort by the millisecond of their creation; numbers are assigned a
/// little later, by any node: so take the lowest number among the first events.
async fn before_first(db: &mut Db, since: Timestamp) -> Result<i64, StoreError> {
    let first = "SELECT id FROM events WHERE id >= $1 AND n > 0 ORDER BY id LIMIT 1";
    let since = EventId::first_at(since);
    let Some(first) = first!(db, first, since.bytes().as_slice()) else { return Ok(i64::MAX) };
    let first = EventId::from_bytes(rows::id(&first, 0)?);
    let last = EventId::first_at(first.made_at().plus_ms(DISORDER_MS));
    let lowest = "SELECT min(n) FROM events WHERE id >= $1 AND id < $2 AND n > 0";
    let lowest = scalar!(db, i64, lowest, first.bytes().as_slice(), last.bytes().as_slice());
    Ok(lowest.map_or(i64::MAX, |lowest| lowest - 1))
}

async fn candidates(db: &mut Db, after: i64) -> Result<Vec<Candidate>, StoreError> {
    let select =
        "SELECT n, type, arrived_at, source, length(body)::bigint, object FROM events WHERE n > $1 ORDER BY n LIMIT $2";
    let found = all!(db, select, after.max(0), BATCH);
    let candidate = |row: &sqlx::postgres::PgRow| {
        let object: Option<String> = row.try_get(5)?;
        Ok(Candidate {
            n: row.try_get(0)?,
            event: rows::event_type(row.try_get(1)?)?,
            arrived_at: rows::time(row, 2)?,
            source: rows::optional_id(row, 3)?.map(SourceId::from_bytes),
            bytes: rows::count(row, 4)?,
            object: object.as_deref().and_then(ObjectKey::parse),
        })
    };
    found.iter().map(candidate).collect()
}

/// Resends one event if it matches; returns whether it was (or would be) sent.
async fn send_again(
    context: &mut WriteContext,
    replay: &Replay,
    (number, endpoint): (i64, &Endpoint),
    (candidate, ruled): (&Candidate, &Ruled),
    now: Moment,
) -> Result<bool, StoreError> {
    let select = formatcp!(
        "SELECT n, state FROM deliveries WHERE event = $1 AND endpoint = $2 AND lane < {TEST} ORDER BY n LIMIT 1"
    );
    let known = match first!(&mut context.db, select, candidate.n, number) {
        Some(row) => Some((row.try_get::<i64, _>(0)?, state_of(row.try_get(1)?)?)),
        None => None,
    };
    let (is_let_through, body) = ruled.of(candidate.n);
    let fits = candidate.bytes <= replay.bytes_max && is_let_through;
    let mismatch = mismatch(endpoint, &candidate.event, candidate.source);
    let action = replay_action(replay.only, known.map(|(_, state)| state), mismatch, fits);
    if !replay.dry_run {
        match (action, known) {
            (ReplayAction::Requeue, Some((n, state))) => {
                let is_changed = requeue(context, (n, state), (number, endpoint), now.mono, replay.job).await?;
                if is_changed && state == State::Skipped {
                    // A skipped delivery has no body of its own yet.
                    run!(&mut context.db, "UPDATE deliveries SET body = $2 WHERE n = $1", n, body);
                }
                return Ok(is_changed);
            }
            (ReplayAction::Insert, _) => {
                insert(context, (candidate, body), (number, endpoint), now, replay.job).await?;
            }
            _ => {}
        }
    }
    Ok(action != ReplayAction::Nothing)
}

/// Makes an ended delivery pending again, in the replay queue, with a new plan; returns whether it was. It must still be
/// in the state that was read: another node may have resent it meanwhile.
pub(super) async fn requeue(
    context: &mut WriteContext,
    (n, state): (i64, State),
    (number, endpoint): (i64, &Endpoint),
    now: MonoTime,
    job: Option<u64>,
) -> Result<bool, StoreError> {
    let update = formatcp!(
        "UPDATE deliveries SET state = {PENDING}, reason = NULL, lane = {REPLAY}, max_attempts = attempts + $2, due = $3, \
        leased = NULL, node = NULL, job = $4 WHERE n = $1 AND state = $5"
    );
    let (attempts, due) = (i64::from(endpoint.retry.attempts()), context.clock.kept(now));
    let changed = run!(&mut context.db, update, n, attempts, due, job.map(u64::cast_signed), state as i64);
    context.pending.add_waiting(number, changed.cast_signed());
    Ok(changed == 1)
}

async fn insert(
    context: &mut WriteContext,
    (event, body): (&Candidate, Option<&[u8]>),
    (number, endpoint): (i64, &Endpoint),
    now: Moment,
    job: Option<u64>,
) -> Result<(), StoreError> {
    let id = DeliveryId::new(now.wall, &*context.environment);
    let insert = formatcp!(
        "INSERT INTO deliveries (n, id, event, endpoint, state, lane, attempts, max_attempts, due, created_at, job, body) \
        VALUES ($9 + nextval('delivery_numbers'), $1, $2, $3, {PENDING}, {REPLAY}, 0, $4, $5, $6, $7, $8)"
    );
    let (attempts, due) = (i64::from(endpoint.retry.attempts()), context.clock.kept(now.mono));
    let (id, job) = (id.bytes().as_slice(), job.map(u64::cast_signed));
    let first = first_number(event.arrived_at);
    run!(&mut context.db, insert, id, event.n, number, attempts, due, now.wall.ms(), job, body, first);
    context.pending.add_waiting(number, 1);
    Ok(())
}

/// Resends what failed since an outage began; at most this many, far more than a failing endpoint's probes can use up
/// in five days.
pub(super) async fn resend_outage(
    context: &mut WriteContext,
    number: i64,
    endpoint: &Endpoint,
    since: Timestamp,
    now: MonoTime,
) -> Result<u64, StoreError> {
    const MOST: i64 = 10_000;
    // The outage began when an attempt ended; the last attempt's start and duration are stored.
    let select = formatcp!(
        "SELECT n FROM deliveries WHERE endpoint = $1 AND state = {FAILED} AND last_at >= $2 - 120000 \
        AND last_at + coalesce(last_ms, 0) + 10 >= $2 AND lane < {TEST} ORDER BY n DESC LIMIT $3"
    );
    let failed = column!(&mut context.db, i64, select, number, since.ms(), MOST);
    let mut count = 0;
    for n in failed {
        count += u64::from(requeue(context, (n, State::Failed), (number, endpoint), now, None).await?);
    }
    if count > 0 {
        context.notify_later(Notification::Due(endpoint.id, Priority::Replay, now));
    }
    Ok(count)
}
