//! Removes old rows in small batches.

use async_trait::async_trait;
use const_format::formatcp;
use gancho_model::{
    Moment, Timestamp,
    limits::{PROCESSED_MS, REPEAT_MS, RETENTION_BATCH},
};
use rusqlite::params;

use super::rows::{FAILED, PENDING};
use super::{SqliteStore, bin, endpoint, issue, job, numbers, processed, write_context::WriteContext};
use crate::{Pruned, StoreError, Upkeep, Vitals, stored::HOUR_MS};

/// How much longer than the retention ended deliveries are kept, so that expired ones can be seen.
const GRACE_MS: i64 = 24 * 3600 * 1000;
/// Oldest events read at once; this bounds the cost.
const OLDEST: u32 = 4 * RETENTION_BATCH;

#[async_trait]
impl Upkeep for SqliteStore {
    async fn prune(&self, before: Timestamp, now: Moment) -> Result<Pruned, StoreError> {
        self.write(false, move |context| {
            Ok(Pruned {
                expired: expire(context, before, now)?,
                events: remove_events(context, before.plus_ms(-GRACE_MS), now.wall.plus_ms(-GRACE_MS))?,
                repeats: forget_repeats(context, now.wall)?,
                processed: processed::prune(&context.db, now.wall.plus_ms(-PROCESSED_MS), RETENTION_BATCH)?,
                hours: forget_hours(context, before)?,
                issues: issue::forget_issues(&context.db, before, RETENTION_BATCH)?,
                jobs: job::forget_jobs(&context.db, before)?,
                bins: bin::remove_expired(&context.db, now.wall)?,
            })
        })
        .await
    }

    async fn cancel_removed(&self) -> Result<u64, StoreError> {
        self.write(false, cancel_removed).await
    }

    async fn vitals(&self) -> Result<Vitals, StoreError> {
        Ok(Vitals::default())
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.read_now(|db| Ok(db.query_row("SELECT 1", [], |_| Ok(()))?)).await
    }
}

/// Fails deliveries that waited too long. Each endpoint's oldest come first, so checking those is enough.
fn expire(context: &mut WriteContext, before: Timestamp, now: Moment) -> Result<u64, StoreError> {
    let mut expired = 0;
    for (n, _) in context.routes()?.iter() {
        let update = formatcp!(
            "UPDATE deliveries SET state = {FAILED}, reason = 'expired', due = NULL, leased = NULL, ended_at = ?5 WHERE n IN \
            (SELECT n FROM deliveries WHERE endpoint = ?1 AND state = {PENDING} ORDER BY n LIMIT ?3) \
            AND created_at < ?2 AND (leased IS NULL OR due < ?4)"
        );
        let params = params![n, before.ms(), RETENTION_BATCH, now.mono.ms(), now.wall.ms()];
        let count = context.db.prepare_cached(update)?.execute(params)?;
        context.pending.add_waiting(*n, -(count as i64));
        expired += count as u64;
    }
    Ok(expired)
}

fn cancel_removed(context: &mut WriteContext) -> Result<u64, StoreError> {
    let removed: Vec<i64> = {
        let select = formatcp!(
            "SELECT n FROM endpoints p WHERE removed_at IS NOT NULL AND EXISTS \
            (SELECT 1 FROM deliveries d WHERE d.endpoint = p.n AND d.state = {PENDING})"
        );
        let mut select = context.db.prepare_cached(select)?;
        select.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?
    };
    removed.into_iter().map(|n| endpoint::cancel_waiting(context, n, endpoint::CANCEL_MAX)).sum()
}

fn forget_hours(context: &mut WriteContext, before: Timestamp) -> Result<u64, StoreError> {
    let forget =
        "DELETE FROM hours WHERE (endpoint, hour) IN (SELECT endpoint, hour FROM hours WHERE hour < ?1 LIMIT ?2)";
    let hour = before.ms().div_euclid(HOUR_MS);
    Ok(context.db.prepare_cached(forget)?.execute(params![hour, RETENTION_BATCH])? as u64)
}

fn remove_events(context: &mut WriteContext, before: Timestamp, seen_since: Timestamp) -> Result<u64, StoreError> {
    let mut old: Vec<i64> = vec![];
    // In the feed the oldest event has the lowest number, outside it the highest.
    for side in ["n > 0 ORDER BY n", "n < 0 ORDER BY n DESC"] {
        // A resent pending delivery stays until it has ended; expired ones stay visible for a while.
        let select = format!(
            "SELECT n, arrived_at FROM (SELECT n, arrived_at FROM events WHERE {side} LIMIT {OLDEST}) AS e WHERE NOT EXISTS \
            (SELECT 1 FROM deliveries d WHERE d.event = e.n AND (d.state = {PENDING} OR d.ended_at > ?2)) LIMIT ?1"
        );
        let mut select = context.db.prepare_cached(&select)?;
        let mut rows = select.query([i64::from(RETENTION_BATCH), seen_since.ms()])?;
        while let Some(row) = rows.next()? {
            if row.get::<_, i64>(1)? >= before.ms() {
                break;
            }
            old.push(row.get(0)?);
        }
    }
    if !old.is_empty() {
        numbers::keep_numbers(&context.db)?;
    }
    let mut removed = 0;
    for event in old {
        let attempts = "DELETE FROM attempts WHERE k IN (SELECT a.k FROM deliveries d JOIN attempts a \
            ON a.k BETWEEN d.n << 16 AND (d.n << 16) + 65535 WHERE d.event = ?1)";
        context.db.prepare_cached(attempts)?.execute([event])?;
        context.db.prepare_cached("DELETE FROM deliveries WHERE event = ?1")?.execute([event])?;
        context.db.prepare_cached("DELETE FROM events WHERE n = ?1")?.execute([event])?;
        removed += 1;
    }
    Ok(removed)
}

fn forget_repeats(context: &WriteContext, now: Timestamp) -> Result<u64, StoreError> {
    let delete = "DELETE FROM repeats WHERE (token, kind, key) IN \
        (SELECT token, kind, key FROM repeats WHERE at < ?1 LIMIT ?2)";
    let old = now.plus_ms(-REPEAT_MS).ms();
    Ok(context.db.prepare_cached(delete)?.execute(params![old, RETENTION_BATCH])? as u64)
}
