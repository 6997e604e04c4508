//! Removes old rows in small batches.

use async_trait::async_trait;
use const_format::formatcp;
use gancho_model::{
    Moment, Timestamp,
    limits::{PROCESSED_MS, REPEAT_MS, RETENTION_BATCH},
};

use super::rows::{FAILED, PENDING};
use super::waiting::WAITING;
use super::{PostgresStore, bin, endpoint, issue, job, partition, processed, vitals, write_context::WriteContext};
use crate::{Pruned, StoreError, Upkeep, Vitals, stored::HOUR_MS};

/// How much longer than the retention ended deliveries are kept, so that expired ones can be seen.
const GRACE_MS: i64 = 24 * 3600 * 1000;
/// Rows removed per transaction.
const BATCH: i64 = RETENTION_BATCH as i64;

#[async_trait]
impl Upkeep for PostgresStore {
    async fn prune(&self, before: Timestamp, now: Moment) -> Result<Pruned, StoreError> {
        let pruned = self.write(false, async move |context| {
            context.partitions.cover_ahead(&mut context.db, now.wall, now.wall.since_ms(before)).await?;
            Ok(Pruned {
                expired: expire(context, before, now).await?,
                events: 0,
                repeats: forget_repeats(context, now.wall).await?,
                processed: processed::prune(&mut context.db, now.wall.plus_ms(-PROCESSED_MS), RETENTION_BATCH).await?,
                hours: forget_hours(context, before).await?,
                issues: issue::forget_issues(&mut context.db, before, RETENTION_BATCH).await?,
                jobs: job::forget_jobs(&mut context.db, before).await?,
                bins: bin::remove_expired(&mut context.db, now.wall).await?,
            })
        });
        let pruned = pruned.await?;
        // On a reader connection: the writer must not wait for readers' locks.
        let mut db = self.readers.acquire().await?;
        let (before, seen_since) = (before.plus_ms(-GRACE_MS), now.wall.plus_ms(-GRACE_MS));
        Ok(Pruned { events: partition::drop_old(&mut db, before, seen_since).await?, ..pruned })
    }

    async fn cancel_removed(&self) -> Result<u64, StoreError> {
        self.write(false, async |context| cancel_removed(context).await).await
    }

    async fn vitals(&self) -> Result<Vitals, StoreError> {
        let mut db = self.read_now().await?;
        vitals::look(&mut db).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        let mut db = self.read_now().await?;
        run!(db, "SELECT 1");
        Ok(())
    }
}

/// Fails deliveries that waited too long. Each endpoint's oldest come first, so checking those is enough.
async fn expire(context: &mut WriteContext, before: Timestamp, now: Moment) -> Result<u64, StoreError> {
    let (mut expired, routes) = (0, context.routes().await?);
    for (n, _) in routes.iter() {
        let update = formatcp!(
            "UPDATE deliveries SET state = {FAILED}, reason = 'expired', due = NULL, leased = NULL, node = NULL, \
            ended_at = $5 WHERE n IN \
            (SELECT n FROM deliveries WHERE endpoint = $1 AND state = {PENDING} ORDER BY n LIMIT $3) \
            AND state = {PENDING} AND created_at < $2 AND (leased IS NULL OR due < $4)"
        );
        let (mono, wall) = (context.clock.kept(now.mono), now.wall.ms());
        let count = run!(&mut context.db, update, n, before.ms(), BATCH, mono, wall);
        context.pending.add_waiting(*n, -count.cast_signed());
        expired += count;
    }
    Ok(expired)
}

async fn cancel_removed(context: &mut WriteContext) -> Result<u64, StoreError> {
    let select = formatcp!(
        "SELECT p.n FROM endpoints p JOIN ({WAITING}) AS w ON w.endpoint = p.n \
        WHERE p.removed_at IS NOT NULL AND w.count > 0 ORDER BY p.n"
    );
    let mut cancelled = 0;
    for n in column!(&mut context.db, i64, select) {
        cancelled += endpoint::cancel_waiting(context, n, endpoint::CANCEL_MAX).await?;
    }
    Ok(cancelled)
}

async fn forget_hours(context: &mut WriteContext, before: Timestamp) -> Result<u64, StoreError> {
    let forget =
        "DELETE FROM hours WHERE (endpoint, hour) IN (SELECT endpoint, hour FROM hours WHERE hour < $1 LIMIT $2)";
    Ok(run!(&mut context.db, forget, before.ms().div_euclid(HOUR_MS), BATCH))
}

async fn forget_repeats(context: &mut WriteContext, now: Timestamp) -> Result<u64, StoreError> {
    let delete = "DELETE FROM repeats WHERE (token, kind, key) IN \
        (SELECT token, kind, key FROM repeats WHERE at < $1 LIMIT $2)";
    Ok(run!(&mut context.db, delete, now.plus_ms(-REPEAT_MS).ms(), BATCH))
}
