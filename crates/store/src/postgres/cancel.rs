//! Cancels pending deliveries.

use const_format::formatcp;
use gancho_model::{Delivery, Message};

use super::{
    rows::{CANCELLED, PENDING},
    write_context::WriteContext,
};
use crate::{StoreError, stored::spoken_state};

/// Cancels one.
///
/// # Errors
/// A conflict if it is no longer pending.
pub(super) async fn cancel(context: &mut WriteContext, n: i64, delivery: &Delivery) -> Result<(), StoreError> {
    if cancel_if_waiting(context, n, delivery).await? {
        return Ok(());
    }
    let message = Message::new("conflict-not-waiting").with("state", Message::new(spoken_state(delivery.state)));
    Err(StoreError::Conflict(message))
}

/// Cancels a delivery if it is pending, even with an attempt under way; returns whether it was pending.
pub(super) async fn cancel_if_waiting(
    context: &mut WriteContext,
    n: i64,
    delivery: &Delivery,
) -> Result<bool, StoreError> {
    let update = formatcp!(
        "UPDATE deliveries SET state = {CANCELLED}, reason = 'cancelled', due = NULL, leased = NULL, node = NULL \
        WHERE n = $1 AND state = {PENDING} RETURNING endpoint"
    );
    let Some(endpoint) = scalar!(&mut context.db, i64, update, n) else { return Ok(false) };
    context.pending.add_waiting(endpoint, -1);
    context.cancel_everywhere(delivery.endpoint_id, delivery.id);
    Ok(true)
}
