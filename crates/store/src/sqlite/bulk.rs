//! Resends or cancels matching deliveries in batches.

use std::collections::HashSet;

use gancho_model::{Delivery, DeliveryId, Priority};
use rusqlite::{Connection, OptionalExtension};

use super::{
    cancel, job, list, repair, replay, rows,
    write_context::{Notification, WriteContext},
};
use crate::{Bulk, BulkAct, BulkDone, StoreError, stored::bulk::BATCH};

/// Deliveries with their numbers, and the cursor of the next batch.
type Batch = (Vec<(i64, Delivery)>, Option<DeliveryId>);

/// The next batch of matching deliveries.
fn batch(
    db: &Connection,
    bulk: &Bulk,
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
    let filter = bulk.looked_through();
    let mut found = vec![];
    let numbers = list::newest(db, before, &filter, list::SCAN_MAX)?;
    let looked_at = numbers.len();
    let mut last = None;
    for n in numbers {
        let (delivery, matches) = list::read_delivery(db, n, &filter, reading)?;
        last = Some(delivery.id);
        if matches && bulk.fits(&delivery) {
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
    bulk: &Bulk,
    before: Option<DeliveryId>,
    reading: &rows::Deliveries<'_>,
) -> Result<BulkDone, StoreError> {
    let (found, next) = batch(db, bulk, before, usize::MAX, reading)?;
    let there = |endpoint: &[u8; 16]| -> Result<bool, StoreError> {
        let select = "SELECT EXISTS (SELECT 1 FROM endpoints WHERE id = ?1 AND removed_at IS NULL \
            AND coalesce(disabled_reason, '') <> 'listener')";
        Ok(db.prepare_cached(select)?.query_row([endpoint], |row| row.get(0))?)
    };
    let mut count = 0;
    for (_, delivery) in &found {
        count += u64::from(there(delivery.endpoint_id.bytes())?);
    }
    Ok(BulkDone { count, next })
}

pub(super) fn act_on(
    context: &mut WriteContext,
    bulk: &Bulk,
    before: Option<DeliveryId>,
) -> Result<BulkDone, StoreError> {
    let reading = rows::Deliveries::new(&context.vault, context.environment.moment());
    let (found, next) = batch(&context.db, bulk, before, BATCH, &reading)?;
    let (mut count, mut probed) = (0, HashSet::new());
    for (n, delivery) in &found {
        if bulk.act == BulkAct::Resend && probed.insert(delivery.endpoint_id) {
            probe_if_failing(context, delivery)?;
        }
        let is_done = match bulk.act {
            BulkAct::Resend => resend(context, bulk, *n, delivery)?,
            BulkAct::Cancel => cancel::cancel_if_waiting(context, *n, delivery)?,
        };
        count += u64::from(is_done);
    }
    job::add_sent(&context.db, bulk.job, count)?;
    Ok(BulkDone { count, next })
}

/// A resend suggests that the receiver was repaired: a failing endpoint is probed at once.
fn probe_if_failing(context: &mut WriteContext, delivery: &Delivery) -> Result<(), StoreError> {
    let routes = context.routes()?;
    let Some((n, endpoint)) = routes.find(delivery.endpoint_id) else { return Ok(()) };
    if endpoint.is_listener() {
        return Ok(());
    }
    if context.health(*n)?.is_some_and(|health| health.is_failing()) {
        repair::request_probe(context, *n)?;
    }
    Ok(())
}

/// In the replay queue, so that new events don't wait behind them.
fn resend(context: &mut WriteContext, bulk: &Bulk, n: i64, delivery: &Delivery) -> Result<bool, StoreError> {
    let routes = context.routes()?;
    let Some((endpoint_n, endpoint)) = routes.find(delivery.endpoint_id) else { return Ok(false) };
    if endpoint.is_listener() {
        // Only the listener itself sends its deliveries.
        return Ok(false);
    }
    replay::requeue(context, n, (*endpoint_n, endpoint), bulk.now, bulk.job)?;
    context.notify_later(Notification::Due(delivery.endpoint_id, Priority::Replay, bulk.now));
    Ok(true)
}
