//! Counts failures with the same cause as one issue.

use async_trait::async_trait;
use gancho_model::{Attempt, Cause, DeliveryId, EndpointId, ErrorKind, ISSUES_MAX, Issue, Timestamp};
use sqlx::{Row as _, postgres::PgRow};

use super::{Db, PostgresStore, rows};
use crate::{Issues, StoreError};

#[async_trait]
impl Issues for PostgresStore {
    async fn issues(&self, endpoint: Option<EndpointId>, since: Timestamp) -> Result<Vec<Issue>, StoreError> {
        let mut db = self.read().await?;
        let select = "SELECT p.id, i.status, i.error, i.line, i.attempts, i.failed, i.first_at, i.last_at, d.id, \
            i.solved_at FROM issues i JOIN endpoints p ON p.n = i.endpoint LEFT JOIN deliveries d ON d.n = i.delivery \
            WHERE p.removed_at IS NULL AND i.last_at >= $1 AND ($2::bytea IS NULL OR p.id = $2) ORDER BY i.last_at DESC";
        let found = all!(db, select, since.ms(), endpoint.as_ref().map(|id| id.bytes().as_slice()));
        found.iter().map(issue).collect()
    }

    async fn solve_issues(&self, endpoint: EndpointId, now: Timestamp) -> Result<u64, StoreError> {
        self.write(true, async move |context| {
            let n = context.number_of(endpoint).await?;
            solve(&mut context.db, n, now).await
        })
        .await
    }
}

fn issue(row: &PgRow) -> Result<Issue, StoreError> {
    let error: String = row.try_get(2)?;
    let status: i64 = row.try_get(1)?;
    Ok(Issue {
        endpoint: EndpointId::from_bytes(rows::id(row, 0)?),
        cause: Cause {
            status: u16::try_from(status).ok().filter(|status| *status > 0),
            error: ErrorKind::parse(&error).ok_or_else(|| StoreError::Broken(format!("an issue of kind {error:?}")))?,
            line: row.try_get(3)?,
        },
        attempts: rows::count(row, 4)?,
        failed: rows::count(row, 5)?,
        first_at: rows::time(row, 6)?,
        last_at: rows::time(row, 7)?,
        last_delivery: rows::optional_id(row, 8)?.map(DeliveryId::from_bytes),
        solved_at: rows::optional_time(row, 9)?,
    })
}

/// Counts a failed attempt; `ended`: the attempt made its delivery fail.
pub(super) async fn count_failure(
    db: &mut Db,
    endpoint: i64,
    delivery: i64,
    attempt: &Attempt,
    ended: bool,
) -> Result<(), StoreError> {
    let Some(mut cause) = Cause::of(attempt) else { return Ok(()) };
    cause.line = rows::storable(&cause.line);
    if has_no_room(db, endpoint, &cause).await? {
        cause.line.clear();
    }
    // A solved issue starts again.
    let upsert = "INSERT INTO issues VALUES ($1, $2, $3, $4, 1, $5, $6, $6, $7, NULL) \
        ON CONFLICT (endpoint, status, error, line) DO UPDATE SET \
        attempts = CASE WHEN issues.solved_at IS NULL THEN issues.attempts ELSE 0 END + 1, \
        failed = CASE WHEN issues.solved_at IS NULL THEN issues.failed ELSE 0 END + $5, \
        first_at = CASE WHEN issues.solved_at IS NULL THEN issues.first_at ELSE $6 END, \
        last_at = $6, delivery = $7, solved_at = NULL";
    let (status, error) = (i64::from(cause.status.unwrap_or(0)), cause.error.as_str());
    run!(db, upsert, endpoint, status, error, cause.line, i64::from(ended), attempt.at.ms(), delivery);
    Ok(())
}

/// Whether a cause is new and the endpoint already has the maximum number of issues.
async fn has_no_room(db: &mut Db, endpoint: i64, cause: &Cause) -> Result<bool, StoreError> {
    let select = "SELECT (SELECT count(*) FROM issues WHERE endpoint = $1) >= $5 AND NOT EXISTS \
        (SELECT 1 FROM issues WHERE endpoint = $1 AND status = $2 AND error = $3 AND line = $4)";
    let (status, error, most) = (i64::from(cause.status.unwrap_or(0)), cause.error.as_str(), ISSUES_MAX as i64);
    Ok(scalar!(db, bool, select, endpoint, status, error, &cause.line, most).unwrap_or(false))
}

/// Closes an endpoint's open issues.
pub(super) async fn solve(db: &mut Db, endpoint: i64, now: Timestamp) -> Result<u64, StoreError> {
    let update = "UPDATE issues SET solved_at = $2 WHERE endpoint = $1 AND solved_at IS NULL";
    Ok(run!(db, update, endpoint, now.ms()))
}

/// Removes some old issues.
pub(super) async fn forget_issues(db: &mut Db, before: Timestamp, most: u32) -> Result<u64, StoreError> {
    let delete = "DELETE FROM issues WHERE (endpoint, status, error, line) IN \
        (SELECT endpoint, status, error, line FROM issues WHERE last_at < $1 LIMIT $2)";
    Ok(run!(db, delete, before.ms(), i64::from(most)))
}
