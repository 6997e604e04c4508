//! What a starting process does about the state left by the previous one.

use const_format::formatcp;
use gancho_model::{Endpoint, MonoTime, Priority};
use rusqlite::params;

use super::{job, rows::PENDING, write_context::WriteContext};
use crate::StoreError;

/// Frees every lease and reschedules what was scheduled by another clock. Nothing else uses an embedded database: every
/// lease belongs to a dead process.
pub(super) fn take_over(context: &mut WriteContext, now: MonoTime) -> Result<u64, StoreError> {
    let mut freed = 0;
    for (n, endpoint) in context.routes()?.iter() {
        for lane in Priority::ALL {
            freed += free(context, *n, *lane, now)?;
            replan(context, *n, endpoint, *lane, now)?;
        }
        if let Some(mut health) = context.health(*n)? {
            health.replan(&endpoint.retry, now);
            context.set_health(*n, health);
        }
    }
    context.waiting().follow(&context.db, &context.pending.waiting)?;
    job::interrupt(&context.db, context.environment.now())?;
    context.endpoints_changed();
    Ok(freed)
}

/// Expired leases are free already.
fn free(context: &WriteContext, n: i64, lane: Priority, now: MonoTime) -> Result<u64, StoreError> {
    let free = formatcp!(
        "UPDATE deliveries SET due = leased, leased = NULL \
        WHERE state = {PENDING} AND leased IS NOT NULL AND endpoint = ?1 AND lane = ?2 AND due > ?3"
    );
    let params = params![n, lane as i64, now.ms()];
    Ok(context.db.prepare_cached(free)?.execute(params)? as u64)
}

/// Brings forward deliveries scheduled later than allowed. Reads only deliveries due in the future.
fn replan(
    context: &WriteContext,
    n: i64,
    endpoint: &Endpoint,
    lane: Priority,
    now: MonoTime,
) -> Result<(), StoreError> {
    let select = formatcp!(
        "SELECT DISTINCT attempts, max_attempts FROM deliveries \
        WHERE state = {PENDING} AND endpoint = ?1 AND lane = ?2 AND due > ?3"
    );
    let groups: Vec<(u32, u32)> = {
        let mut select = context.db.prepare_cached(select)?;
        let params = params![n, lane as i64, now.ms()];
        select.query_map(params, |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<rusqlite::Result<_>>()?
    };
    for (attempts, max_attempts) in groups {
        let latest = endpoint.retry.latest_at_start(attempts, max_attempts, now);
        let update = formatcp!(
            "UPDATE deliveries SET due = ?3 \
            WHERE state = {PENDING} AND endpoint = ?1 AND lane = ?2 AND due > ?3 AND attempts = ?4 AND max_attempts = ?5"
        );
        let params = params![n, lane as i64, latest.ms(), attempts, max_attempts];
        context.db.prepare_cached(update)?.execute(params)?;
    }
    Ok(())
}
