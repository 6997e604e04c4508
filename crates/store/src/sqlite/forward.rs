//! Records what a listener forwarded: the event's delivery to it, and the attempt.

use gancho_model::{Attempt, DeliveryId, EndpointId, EventId, Priority, State};
use rusqlite::{OptionalExtension, params};

use super::{accept, write_context::WriteContext};
use crate::{StoreError, stored};

/// An event has one delivery per listener, with an attempt for each time that it was forwarded.
pub(super) fn record_forwarded(
    context: &mut WriteContext,
    endpoint: EndpointId,
    event: EventId,
    mut attempt: Attempt,
) -> Result<DeliveryId, StoreError> {
    let endpoint_n = context.number_of(endpoint)?;
    let select = "SELECT n FROM events WHERE id = ?1 AND n > 0";
    let event_n: Option<i64> =
        context.db.prepare_cached(select)?.query_row([event.bytes()], |row| row.get(0)).optional()?;
    let event_n = event_n.ok_or(StoreError::NotFound)?;
    let (id, n) = delivery(context, endpoint_n, event_n, &attempt)?;
    let state = if attempt.error.is_none() { State::Delivered } else { State::Failed };
    let update = "UPDATE deliveries SET state = ?2, attempts = attempts + 1, max_attempts = attempts + 1, last_at = ?3, \
        last_status = ?4, last_error = ?5, last_ms = ?6 WHERE n = ?1 RETURNING attempts";
    attempt.n = context.db.prepare_cached(update)?.query_row(
        params![
            n,
            state as i64,
            attempt.at.ms(),
            attempt.status_code,
            attempt.error.as_ref().map(|error| error.kind.as_str()),
            attempt.duration_ms,
        ],
        |row| row.get(0),
    )?;
    let insert = "INSERT INTO attempts (k, attempt) VALUES (?1, ?2)";
    let key = (n << 16) + i64::from(attempt.n.min(u32::from(u16::MAX)));
    context.db.prepare_cached(insert)?.execute(params![key, stored::attempt::pack(&attempt)])?;
    let counters = context.pending.counters(endpoint_n, attempt.at);
    match state {
        State::Delivered => counters.note_delivered(attempt.duration_ms),
        _ => counters.failed += 1,
    }
    Ok(id)
}

/// The delivery of an event to a listener, created with the first attempt.
fn delivery(
    context: &WriteContext,
    endpoint_n: i64,
    event_n: i64,
    attempt: &Attempt,
) -> Result<(DeliveryId, i64), StoreError> {
    let select = "SELECT id, n FROM deliveries WHERE event = ?1 AND endpoint = ?2 ORDER BY n LIMIT 1";
    let known: Option<([u8; 16], i64)> = context
        .db
        .prepare_cached(select)?
        .query_row([event_n, endpoint_n], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    if let Some((id, n)) = known {
        return Ok((DeliveryId::from_bytes(id), n));
    }
    let id = DeliveryId::new(attempt.at, &*context.environment);
    let mut insert = context.db.prepare_cached(accept::INSERT_ENDED)?;
    let n = insert.insert(params![id.bytes(), event_n, endpoint_n, Priority::Live as i64, attempt.at.ms()])?;
    Ok((id, n))
}
