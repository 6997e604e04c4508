//! What a starting node does about the state left by dead nodes.

use const_format::formatcp;
use gancho_model::{Endpoint, MonoTime, NodeId, Priority};
use sqlx::Row as _;

use super::{job, membership, rows, rows::PENDING, write_context::WriteContext};
use crate::StoreError;

/// Joins, frees the leases of dead nodes, and reschedules what may have been scheduled by another clock.
pub(super) async fn take_over(context: &mut WriteContext, node: NodeId, now: MonoTime) -> Result<u64, StoreError> {
    membership::remove_expired(context, now).await?;
    let wall = context.environment.now();
    membership::join(context, node, wall, now).await?;
    let (mut freed, routes) = (0, context.routes().await?);
    for (n, endpoint) in routes.iter() {
        for lane in Priority::ALL {
            freed += free(context, *n, *lane, now).await?;
            replan(context, *n, endpoint, *lane, now).await?;
        }
        if let Some(mut health) = context.health(*n).await? {
            health.replan(&endpoint.retry, now);
            context.set_health(*n, health);
        }
    }
    job::interrupt(&mut context.db, wall).await?;
    context.endpoints_changed();
    Ok(freed)
}

/// Frees the leases of dead nodes. Expired ones are free already.
async fn free(context: &mut WriteContext, n: i64, lane: Priority, now: MonoTime) -> Result<u64, StoreError> {
    let free = formatcp!(
        "UPDATE deliveries SET due = leased, leased = NULL, node = NULL \
        WHERE state = {PENDING} AND leased IS NOT NULL AND endpoint = $1 AND lane = $2 AND due > $3 \
        AND (node IS NULL OR node NOT IN (SELECT id FROM nodes))"
    );
    Ok(run!(&mut context.db, free, n, lane as i64, context.clock.kept(now)))
}

/// Brings forward deliveries scheduled later than allowed. Reads only deliveries due in the future.
async fn replan(
    context: &mut WriteContext,
    n: i64,
    endpoint: &Endpoint,
    lane: Priority,
    now: MonoTime,
) -> Result<(), StoreError> {
    let clock = context.clock.clone();
    let select = formatcp!(
        "SELECT DISTINCT attempts, max_attempts FROM deliveries \
        WHERE state = {PENDING} AND leased IS NULL AND endpoint = $1 AND lane = $2 AND due > $3"
    );
    let groups = all!(&mut context.db, select, n, lane as i64, clock.kept(now));
    for row in groups {
        let (attempts, max_attempts): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
        let small = |number: i64| u32::try_from(number).map_err(|_| rows::damaged("a delivery's number"));
        let latest = clock.kept(endpoint.retry.latest_at_start(small(attempts)?, small(max_attempts)?, now));
        let update = formatcp!(
            "UPDATE deliveries SET due = $3 WHERE state = {PENDING} AND leased IS NULL AND endpoint = $1 AND lane = $2 \
            AND due > $3 AND attempts = $4 AND max_attempts = $5"
        );
        run!(&mut context.db, update, n, lane as i64, latest, attempts, max_attempts);
    }
    Ok(())
}
