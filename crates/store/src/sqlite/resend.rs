//! Deliveries that ended badly are sent again, one by one or as many as match.

use const_format::formatcp;
use gancho_model::{Delivery, DeliveryId, MonoTime, Priority, State, may_resend};
use rusqlite::{Connection, OptionalExtension, params};

use super::rows::PENDING;
use super::{
    list, repair, replay, rows,
    write_context::{Notification, WriteContext},
};
use crate::{DeliveryFilter, Resend, Resent, StoreError};

/// Deliveries sent again in one transaction.
const BATCH: usize = 500;

/// A delivery begins anew with so many attempts in all. One that is under way keeps its lease, and has a
/// fresh plan after its attempt.
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
        context.waiting(endpoint_n, 1);
    }
    context.notify_later(Notification::Due(delivery.endpoint_id, delivery.lane, now));
    Ok(())
}

/// Earlier than all that waits in a queue: the probe is then the delivery that the person asked for.
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

/// Deliveries with their numbers, and the cursor of the next batch.
type Batch = (Vec<(i64, Delivery)>, Option<DeliveryId>);

/// The next batch of what would be sent again.
fn batch(
    db: &Connection,
    filter: &DeliveryFilter,
    before: Option<DeliveryId>,
    most: usize,
    reading: &rows::Deliveries<'_>,
) -> Result<Batch, StoreError> {
    let before: i64 = match before {
        Some(id) => {
            let select = "SELECT n FROM deliveries WHERE id = ?1";
            db.query_row(select, [id.bytes()], |row| row.get(0)).optional()?.unwrap_or(0)
        }
        None => i64::MAX,
    };
    let filter = DeliveryFilter { state: Some(filter.state.unwrap_or(State::Failed)), ..filter.clone() };
    let mut found = vec![];
    let numbers = list::newest(db, before, &filter, list::SCAN_MAX)?;
    let looked_at = numbers.len();
    let mut last = None;
    for n in numbers {
        let (delivery, matches) = list::read_delivery(db, n, &filter, reading)?;
        last = Some(delivery.id);
        if matches && may_resend(delivery.state, delivery.lane) {
            found.push((n, delivery));
        }
        if found.len() == most {
            return Ok((found, last));
        }
    }
    Ok((found, last.filter(|_| looked_at == list::SCAN_MAX)))
}

pub(super) fn count(
    db: &Connection,
    resend: &Resend,
    before: Option<DeliveryId>,
    reading: &rows::Deliveries<'_>,
) -> Result<Resent, StoreError> {
    let (found, next) = batch(db, &resend.filter, before, usize::MAX, reading)?;
    let there = |endpoint: &[u8; 16]| -> Result<bool, StoreError> {
        let select = "SELECT EXISTS (SELECT 1 FROM endpoints WHERE id = ?1 AND removed_at IS NULL)";
        Ok(db.prepare_cached(select)?.query_row([endpoint], |row| row.get(0))?)
    };
    let mut count = 0;
    for (_, delivery) in &found {
        count += u64::from(there(delivery.endpoint_id.bytes())?);
    }
    Ok(Resent { count, next })
}

pub(super) fn resend(
    context: &mut WriteContext,
    resend: &Resend,
    before: Option<DeliveryId>,
) -> Result<Resent, StoreError> {
    let (found, next) = batch(
        &context.db,
        &resend.filter,
        before,
        BATCH,
        &rows::Deliveries::new(&context.vault, context.environment.moment()),
    )?;
    let routes = context.routes()?;
    let mut count = 0;
    for (n, delivery) in &found {
        let endpoint = routes.find(delivery.endpoint_id);
        let Some((endpoint_n, endpoint)) = endpoint else { continue };
        // Beside the live ones: new events don't wait behind them.
        replay::requeue(context, *n, *endpoint_n, endpoint, resend.now)?;
        context.notify_later(Notification::Due(delivery.endpoint_id, Priority::Replay, resend.now));
        count += 1;
    }
    Ok(Resent { count, next })
}
