//! Cancels pending deliveries.

use const_format::formatcp;
use gancho_model::{Delivery, Message};
use rusqlite::OptionalExtension;

use super::{
    rows::{CANCELLED, PENDING},
    write_context::{Notification, WriteContext},
};
use crate::{StoreError, stored::spoken_state};

/// Cancels one.
///
/// # Errors
/// A conflict if it is no longer pending.
pub(super) fn cancel(context: &mut WriteContext, n: i64, delivery: &Delivery) -> Result<(), StoreError> {
    if cancel_if_waiting(context, n, delivery)? {
        return Ok(());
    }
    let message = Message::new("conflict-not-waiting").with("state", Message::new(spoken_state(delivery.state)));
    Err(StoreError::Conflict(message))
}

/// Cancels a delivery if it is pending, even with an attempt under way; returns whether it was pending.
pub(super) fn cancel_if_waiting(context: &mut WriteContext, n: i64, delivery: &Delivery) -> Result<bool, StoreError> {
    let update = formatcp!(
        "UPDATE deliveries SET state = {CANCELLED}, reason = 'cancelled', due = NULL, leased = NULL \
        WHERE n = ?1 AND state = {PENDING} RETURNING endpoint"
    );
    let found: Option<i64> = context.db.prepare_cached(update)?.query_row([n], |row| row.get(0)).optional()?;
    let Some(endpoint) = found else { return Ok(false) };
    context.pending.add_waiting(endpoint, -1);
    context.notify_later(Notification::Forget(delivery.endpoint_id, delivery.id));
    Ok(true)
}
