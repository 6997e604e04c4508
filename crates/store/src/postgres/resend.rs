//! Resends one delivery.

use const_format::formatcp;
use gancho_model::{Delivery, MonoTime, Priority, State};

use super::rows::PENDING;
use super::{
    repair,
    write_context::{Notification, WriteContext},
};
use crate::StoreError;

/// Restarts a delivery with a new total of attempts. One under way keeps its lease and gets a new plan after its
/// attempt.
pub(super) async fn again(
    context: &mut WriteContext,
    n: i64,
    delivery: &Delivery,
    endpoint_n: i64,
    max_attempts: u32,
    now: MonoTime,
) -> Result<(), StoreError> {
    let failing = context.health(endpoint_n).await?.is_some_and(|health| health.is_failing());
    let due = if failing { first_in_line(context, endpoint_n, delivery.lane, now).await? } else { now };
    let update = formatcp!(
        "UPDATE deliveries SET state = {PENDING}, reason = NULL, max_attempts = $2 + (leased IS NOT NULL)::int, \
        due = CASE WHEN leased IS NULL THEN $3 ELSE due END WHERE n = $1"
    );
    run!(&mut context.db, update, n, i64::from(max_attempts), context.clock.kept(due));
    if failing && delivery.lane != Priority::Test {
        repair::request_probe(context, endpoint_n).await?;
    }
    if delivery.state != State::Pending {
        context.pending.add_waiting(endpoint_n, 1);
    }
    context.notify_later(Notification::Due(delivery.endpoint_id, delivery.lane, now));
    Ok(())
}

/// Earlier than everything in its queue, so that the probe is the delivery that the user asked for.
async fn first_in_line(
    context: &mut WriteContext,
    endpoint_n: i64,
    lane: Priority,
    now: MonoTime,
) -> Result<MonoTime, StoreError> {
    let select = formatcp!(
        "SELECT due FROM deliveries WHERE state = {PENDING} AND endpoint = $1 AND lane = $2 ORDER BY due LIMIT 1"
    );
    let first = scalar!(&mut context.db, i64, select, endpoint_n, lane as i64);
    Ok(first.map_or(now, |first| now.min(context.clock.own(first - 1))))
}
