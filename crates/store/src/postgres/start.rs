//! What a starting node does about the state left by dead nodes.

use std::collections::HashMap;

use const_format::formatcp;
use gancho_model::{Endpoint, MonoTime, NodeId};
use sqlx::Row as _;

use super::{job, membership, rows, rows::PENDING, write_context::WriteContext};
use crate::StoreError;

/// Joins, frees the leases of dead nodes, and reschedules what may have been scheduled by another clock, unless other
/// nodes live, which have done so. The number of statements rises with that of failing endpoints and different plans, not
/// with all endpoints: the whole is one transaction.
pub(super) async fn take_over(context: &mut WriteContext, node: NodeId, now: MonoTime) -> Result<u64, StoreError> {
    membership::remove_expired(context, now).await?;
    let wall = context.environment.now();
    membership::join(context, node, wall, now).await?;
    let freed = free(context, now).await?;
    let others = "SELECT count(*) FROM nodes WHERE id <> $1";
    if scalar!(&mut context.db, i64, others, node.bytes().as_slice()) == Some(0) {
        replan(context, now).await?;
        replan_probes(context, now).await?;
    }
    job::interrupt(&mut context.db, wall).await?;
    context.endpoints_changed();
    Ok(freed)
}

/// Frees the leases of dead nodes. Expired ones are free already.
async fn free(context: &mut WriteContext, now: MonoTime) -> Result<u64, StoreError> {
    let free = formatcp!(
        "UPDATE deliveries SET due = leased, leased = NULL, node = NULL \
        WHERE state = {PENDING} AND leased IS NOT NULL AND due > $1 \
        AND (node IS NULL OR node NOT IN (SELECT id FROM nodes))"
    );
    Ok(run!(&mut context.db, free, context.clock.kept(now)))
}

/// Brings forward deliveries scheduled later than allowed. Reads only deliveries due in the future.
async fn replan(context: &mut WriteContext, now: MonoTime) -> Result<(), StoreError> {
    let (clock, routes) = (context.clock.clone(), context.routes().await?);
    let policies: HashMap<i64, &Endpoint> = routes.iter().map(|(n, endpoint)| (*n, &**endpoint)).collect();
    let select = formatcp!(
        "SELECT DISTINCT endpoint, lane, attempts, max_attempts FROM deliveries \
        WHERE state = {PENDING} AND leased IS NULL AND due > $1"
    );
    for row in all!(&mut context.db, select, clock.kept(now)) {
        let (n, lane): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
        let (attempts, max_attempts): (i64, i64) = (row.try_get(2)?, row.try_get(3)?);
        let Some(endpoint) = policies.get(&n) else { continue };
        let small = |number: i64| u32::try_from(number).map_err(|_| rows::damaged("a delivery's number"));
        let latest = clock.kept(endpoint.retry.latest_at_start(small(attempts)?, small(max_attempts)?, now));
        let update = formatcp!(
            "UPDATE deliveries SET due = $3 WHERE state = {PENDING} AND leased IS NULL AND endpoint = $1 AND lane = $2 \
            AND due > $3 AND attempts = $4 AND max_attempts = $5"
        );
        run!(&mut context.db, update, n, lane, latest, attempts, max_attempts);
    }
    Ok(())
}

/// The same for endpoints whose last attempts failed: their next probe, and the time that they have been failing.
async fn replan_probes(context: &mut WriteContext, now: MonoTime) -> Result<(), StoreError> {
    let routes = context.routes().await?;
    let has_failed = |endpoint: &Endpoint| endpoint.health.failures_since.or(endpoint.health.failing_since).is_some();
    for (n, endpoint) in routes.iter().filter(|(_, endpoint)| has_failed(endpoint)) {
        if let Some(mut health) = context.health(*n).await? {
            health.replan(&endpoint.retry, now);
            context.set_health(*n, health);
        }
    }
    Ok(())
}
