//! Resends or cancels matching deliveries in batches.

use std::collections::HashSet;

use gancho_model::{Delivery, DeliveryId, Priority};

use super::{
    Db, cancel, job, list, repair, replay,
    write_context::{Notification, WriteContext},
};
use crate::{
    Bulk, BulkAct, BulkDone, StoreError,
    stored::{bulk::BATCH, delivery::DeliveryReader},
};

/// Deliveries with their numbers, and the cursor of the next batch.
type Batch = (Vec<(i64, Delivery)>, Option<DeliveryId>);

/// The next batch of matching deliveries.
async fn batch(
    db: &mut Db,
    bulk: &Bulk,
    before: Option<DeliveryId>,
    most: usize,
    reading: &DeliveryReader<'_>,
) -> Result<Batch, StoreError> {
    let before = list::number_before(db, before).await?;
    let filter = bulk.looked_through();
    let mut found = vec![];
    let numbers = list::newest(db, before, &filter, list::SCAN_MAX).await?;
    let looked_at = numbers.len();
    let mut last = None;
    for some in numbers.chunks(list::READ as usize) {
        for (n, delivery, matches) in list::read_deliveries(db, some, &filter, reading).await? {
            last = Some(delivery.id);
            if matches && bulk.fits(&delivery) {
                found.push((n, delivery));
            }
            if found.len() == most {
                return Ok((found, last));
            }
        }
    }
    Ok((found, last.filter(|_| looked_at == list::SCAN_MAX)))
}

pub(super) async fn count(
    db: &mut Db,
    bulk: &Bulk,
    before: Option<DeliveryId>,
    reading: &DeliveryReader<'_>,
) -> Result<BulkDone, StoreError> {
    let (found, next) = batch(db, bulk, before, usize::MAX, reading).await?;
    let select = "SELECT id FROM endpoints WHERE removed_at IS NULL AND coalesce(disabled_reason, '') <> 'listener'";
    let there: HashSet<Vec<u8>> = column!(db, Vec<u8>, select).into_iter().collect();
    let count = found.iter().filter(|(_, one)| there.contains(one.endpoint_id.bytes().as_slice())).count();
    Ok(BulkDone { count: count as u64, next })
}

pub(super) async fn act_on(
    context: &mut WriteContext,
    bulk: &Bulk,
    before: Option<DeliveryId>,
) -> Result<BulkDone, StoreError> {
    let vault = context.vault.clone();
    let reading = context.clock.reading(&vault, context.environment.moment());
    let (found, next) = batch(&mut context.db, bulk, before, BATCH, &reading).await?;
    let (mut count, mut probed) = (0, HashSet::new());
    for (n, delivery) in &found {
        if bulk.act == BulkAct::Resend && probed.insert(delivery.endpoint_id) {
            probe_if_failing(context, delivery).await?;
        }
        let is_done = match bulk.act {
            BulkAct::Resend => resend(context, bulk, *n, delivery).await?,
            BulkAct::Cancel => cancel::cancel_if_waiting(context, *n, delivery).await?,
        };
        count += u64::from(is_done);
    }
    job::add_sent(&mut context.db, bulk.job, count).await?;
    Ok(BulkDone { count, next })
}

/// A resend suggests that the receiver was repaired: a failing endpoint is probed at once.
async fn probe_if_failing(context: &mut WriteContext, delivery: &Delivery) -> Result<(), StoreError> {
    let routes = context.routes().await?;
    let Some((n, endpoint)) = routes.find(delivery.endpoint_id) else { return Ok(()) };
    if endpoint.is_listener() {
        return Ok(());
    }
    if context.health(*n).await?.is_some_and(|health| health.is_failing()) {
        repair::request_probe(context, *n).await?;
    }
    Ok(())
}

/// In the replay queue, so that new events don't wait behind them.
async fn resend(context: &mut WriteContext, bulk: &Bulk, n: i64, delivery: &Delivery) -> Result<bool, StoreError> {
    let routes = context.routes().await?;
    let Some((endpoint_n, endpoint)) = routes.find(delivery.endpoint_id) else { return Ok(false) };
    if endpoint.is_listener() {
        // Only the listener itself sends its deliveries.
        return Ok(false);
    }
    let known = (n, delivery.state);
    let is_resent = replay::requeue(context, known, (*endpoint_n, endpoint), bulk.now, bulk.job).await?;
    context.notify_later(Notification::Due(delivery.endpoint_id, Priority::Replay, bulk.now));
    Ok(is_resent)
}
