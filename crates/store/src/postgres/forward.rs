//! Records what a listener forwarded: the event's delivery to it, and the attempt.

use const_format::formatcp;
use gancho_model::{Attempt, DeliveryId, EndpointId, EventId, Priority, State, Timestamp};
use sqlx::Row as _;

use super::{partition::first_number, rows, rows::FAILED, write_context::WriteContext};
use crate::{StoreError, stored};

/// An event has one delivery per listener, with an attempt for each time that it was forwarded.
pub(super) async fn record_forwarded(
    context: &mut WriteContext,
    endpoint: EndpointId,
    event: EventId,
    mut attempt: Attempt,
) -> Result<DeliveryId, StoreError> {
    let endpoint_n = context.number_of(endpoint).await?;
    let select = "SELECT n, arrived_at FROM events WHERE id = $1 AND n > 0";
    let row = first!(&mut context.db, select, event.bytes().as_slice()).ok_or(StoreError::NotFound)?;
    let event = (row.try_get(0)?, rows::time(&row, 1)?);
    let (id, n) = delivery(context, endpoint_n, event, &attempt).await?;
    let state = if attempt.error.is_none() { State::Delivered } else { State::Failed };
    let update = "UPDATE deliveries SET state = $2, attempts = attempts + 1, max_attempts = attempts + 1, last_at = $3, \
        last_status = $4, last_error = $5, last_ms = $6 WHERE n = $1 RETURNING attempts";
    let status = attempt.status_code.map(i64::from);
    let error = attempt.error.as_ref().map(|error| error.kind.as_str());
    let (at, took) = (attempt.at.ms(), i64::from(attempt.duration_ms));
    let made = scalar!(&mut context.db, i64, update, n, state as i64, at, status, error, took);
    attempt.n = made.and_then(|made| u32::try_from(made).ok()).ok_or_else(|| rows::damaged("attempts"))?;
    let insert = "INSERT INTO attempts (delivery, n, attempt) VALUES ($1, $2, $3)";
    run!(&mut context.db, insert, n, i64::from(attempt.n), stored::attempt::pack(&attempt));
    let counters = context.pending.counters(endpoint_n, attempt.at);
    match state {
        State::Delivered => counters.note_delivered(attempt.duration_ms),
        _ => counters.failed += 1,
    }
    Ok(id)
}

/// The delivery of an event to a listener, created with the first attempt.
async fn delivery(
    context: &mut WriteContext,
    endpoint_n: i64,
    (event_n, arrived_at): (i64, Timestamp),
    attempt: &Attempt,
) -> Result<(DeliveryId, i64), StoreError> {
    let select = "SELECT id, n FROM deliveries WHERE event = $1 AND endpoint = $2 ORDER BY n LIMIT 1";
    if let Some(row) = first!(&mut context.db, select, event_n, endpoint_n) {
        return Ok((DeliveryId::from_bytes(rows::id(&row, 0)?), row.try_get(1)?));
    }
    let id = DeliveryId::new(attempt.at, &*context.environment);
    let insert = formatcp!(
        "INSERT INTO deliveries (n, id, event, endpoint, state, lane, attempts, max_attempts, created_at) \
        VALUES ($6 + nextval('delivery_numbers'), $1, $2, $3, {FAILED}, $4, 0, 1, $5) RETURNING n"
    );
    let (bytes, lane) = (id.bytes().as_slice(), Priority::Live as i64);
    let (at, first) = (attempt.at.ms(), first_number(arrived_at));
    let n = scalar!(&mut context.db, i64, insert, bytes, event_n, endpoint_n, lane, at, first);
    Ok((id, n.ok_or_else(|| rows::damaged("a delivery"))?))
}
