//! Resends one delivery.

use const_format::formatcp;
use gancho_model::{Delivery, MonoTime, Priority, State};
use rusqlite::params;

use super::rows::PENDING;
use super::{
    repair,
    write_context::{Notification, WriteContext},
};
use crate::StoreError;

/// Restarts a delivery with a new total of attempts. One under way keeps its lease and gets a new plan after its
/// attempt.
pub(super) fn again(
    context: &mut WriteContext,
    n: i64,
    delivery: &Delivery,
    endpoint_n: i64,
    max_attempts: u32,
    now: MonoTime,
) -> Result<(), StoreError> {
    let failing = context.health(endpoint_n)?.is_some_and(|health| health.is_failing());
    let due = if failing { first_in_line(context, endpoint_n, delivery.lane, now)? } else { now };
    let update = formatcp!(
        "UPDATE deliveries SET state = {PENDING}, reason = NULL, max_attempts = ?2 + (leased IS NOT NULL), \
        due = iif(leased IS NULL, ?3, due) WHERE n = ?1"
    );
    context.db.prepare_cached(update)?.execute(params![n, max_attempts, due.ms()])?;
    if failing && delivery.lane != Priority::Test {
        repair::request_probe(context, endpoint_n)?;
    }
    if delivery.state != State::Pending {
        context.pending.add_waiting(endpoint_n, 1);
    }
    context.notify_later(Notification::Due(delivery.endpoint_id, delivery.lane, now));
    Ok(())
}

/// Earlier than everything in its queue, so that the probe is the delivery that the user asked for.
fn first_in_line(
    context: &WriteContext,
    endpoint_n: i64,
    lane: Priority,
    now: MonoTime,
) -> Result<MonoTime, StoreError> {
    let select = formatcp!("SELECT min(due) FROM deliveries WHERE state = {PENDING} AND endpoint = ?1 AND lane = ?2");
    let params = params![endpoint_n, lane as i64];
    let first: Option<i64> = context.db.prepare_cached(select)?.query_row(params, |row| row.get(0))?;
    Ok(first.map_or(now, |first| now.min(MonoTime::from_ms(first - 1))))
}
