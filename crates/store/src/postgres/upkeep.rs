//! What is old goes, a little at a time.

use async_trait::async_trait;
use const_format::formatcp;
use gancho_model::{
    Moment, Timestamp,
    limits::{PROCESSED_MS, REPEAT_MS, RETENTION_BATCH},
};
use sqlx::{AssertSqlSafe, Row as _};

use super::rows::{FAILED, PENDING};
use super::{PostgresStore, bin, endpoint, issue, job, processed, vitals, write_context::WriteContext};
use crate::{Pruned, StoreError, Upkeep, Vitals, stored::HOUR_MS};

/// How much longer than the retention what ended is kept, so that an expiry can be seen.
const GRACE_MS: i64 = 24 * 3600 * 1000;
/// Rows that go in one transaction.
const BATCH: i64 = RETENTION_BATCH as i64;
/// How many of the oldest events are read at once: a bound on the cost, however many there are.
const OLDEST: i64 = 4 * BATCH;

#[async_trait]
impl Upkeep for PostgresStore {
    async fn prune(&self, before: Timestamp, now: Moment) -> Result<Pruned, StoreError> {
        self.write(false, async move |context| {
            let grace = (before.plus_ms(-GRACE_MS), now.wall.plus_ms(-GRACE_MS));
            Ok(Pruned {
                expired: expire(context, before, now).await?,
                events: remove_events(context, grace.0, grace.1).await?,
                repeats: forget_repeats(context, now.wall).await?,
                processed: processed::prune(&mut context.db, now.wall.plus_ms(-PROCESSED_MS), RETENTION_BATCH).await?,
                hours: forget_hours(context, before).await?,
                issues: issue::forget_issues(&mut context.db, before, RETENTION_BATCH).await?,
                jobs: job::forget_jobs(&mut context.db, before).await?,
                bins: bin::remove_expired(&mut context.db, now.wall).await?,
            })
        })
        .await
    }

    async fn cancel_removed(&self) -> Result<u64, StoreError> {
        self.write(false, async |context| cancel_removed(context).await).await
    }

    async fn vitals(&self) -> Result<Vitals, StoreError> {
        let mut db = self.read().await?;
        vitals::look(&mut db).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        let mut db = self.read().await?;
        run!(db, "SELECT 1");
        Ok(())
    }
}

/// What waited too long is failed. The oldest of each endpoint come first, so a look at those is enough.
async fn expire(context: &mut WriteContext, before: Timestamp, now: Moment) -> Result<u64, StoreError> {
    let (mut expired, routes) = (0, context.routes().await?);
    for (n, _) in routes.iter() {
        let update = formatcp!(
            "UPDATE deliveries SET state = {FAILED}, reason = 'expired', due = NULL, leased = NULL, node = NULL, \
            ended_at = $5 WHERE n IN \
            (SELECT n FROM deliveries WHERE endpoint = $1 AND state = {PENDING} ORDER BY n LIMIT $3) \
            AND created_at < $2 AND (leased IS NULL OR due < $4)"
        );
        let (mono, wall) = (context.clock.kept(now.mono), now.wall.ms());
        let count = run!(&mut context.db, update, n, before.ms(), BATCH, mono, wall);
        context.pending.add_waiting(*n, -count.cast_signed());
        expired += count;
    }
    Ok(expired)
}

async fn cancel_removed(context: &mut WriteContext) -> Result<u64, StoreError> {
    let select = "SELECT n FROM endpoints WHERE removed_at IS NOT NULL AND pending > 0 ORDER BY n";
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

async fn remove_events(
    context: &mut WriteContext,
    before: Timestamp,
    seen_since: Timestamp,
) -> Result<u64, StoreError> {
    let mut old: Vec<i64> = vec![];
    // In the feed the oldest has the lowest number, outside it the highest.
    for side in ["n > 0 ORDER BY n", "n < 0 ORDER BY n DESC"] {
        // One that was sent again and waits stays until it has ended; what expired can be seen for a while.
        let select = format!(
            "SELECT n, arrived_at FROM (SELECT n, arrived_at FROM events WHERE {side} LIMIT {OLDEST}) AS e WHERE NOT EXISTS \
            (SELECT 1 FROM deliveries d WHERE d.event = e.n AND (d.state = {PENDING} OR d.ended_at > $2)) \
            ORDER BY abs(n) LIMIT $1"
        );
        for row in all!(&mut context.db, AssertSqlSafe(select), BATCH, seen_since.ms()) {
            if row.try_get::<i64, _>(1)? >= before.ms() {
                break;
            }
            old.push(row.try_get(0)?);
        }
    }
    let attempts = "DELETE FROM attempts USING deliveries d WHERE d.event = ANY($1) AND attempts.delivery = d.n";
    run!(&mut context.db, attempts, &old);
    run!(&mut context.db, "DELETE FROM deliveries WHERE event = ANY($1)", &old);
    run!(&mut context.db, "DELETE FROM searched WHERE n = ANY($1)", &old);
    Ok(run!(&mut context.db, "DELETE FROM events WHERE n = ANY($1)", &old))
}

async fn forget_repeats(context: &mut WriteContext, now: Timestamp) -> Result<u64, StoreError> {
    let delete = "DELETE FROM repeats WHERE (token, kind, key) IN \
        (SELECT token, kind, key FROM repeats WHERE at < $1 LIMIT $2)";
    Ok(run!(&mut context.db, delete, now.plus_ms(-REPEAT_MS).ms(), BATCH))
}
