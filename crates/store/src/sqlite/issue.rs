//! Counts failures with the same cause as one issue.

use async_trait::async_trait;
use gancho_model::{Attempt, Cause, DeliveryId, EndpointId, ErrorKind, ISSUES_MAX, Issue, Timestamp};
use rusqlite::{Connection, Row, params};

use super::{SqliteStore, rows};
use crate::{Issues, StoreError};

#[async_trait]
impl Issues for SqliteStore {
    async fn issues(&self, endpoint: Option<EndpointId>, since: Timestamp) -> Result<Vec<Issue>, StoreError> {
        self.read(move |db| {
            let select = "SELECT p.id, i.status, i.error, i.line, i.attempts, i.failed, i.first_at, i.last_at, d.id, \
                i.solved_at FROM issues i JOIN endpoints p ON p.n = i.endpoint LEFT JOIN deliveries d ON d.n = i.delivery \
                WHERE p.removed_at IS NULL AND i.last_at >= ?1 AND (?2 IS NULL OR p.id = ?2) ORDER BY i.last_at DESC";
            let mut select = db.prepare_cached(select)?;
            let mut found = select.query(params![since.ms(), endpoint.map(|id| *id.bytes())])?;
            let mut issues = vec![];
            while let Some(row) = found.next()? {
                issues.push(issue(row)?);
            }
            Ok(issues)
        })
        .await
    }

    async fn solve_issues(&self, endpoint: EndpointId, now: Timestamp) -> Result<u64, StoreError> {
        self.write(true, move |context| {
            let n = context.number_of(endpoint)?;
            solve(&context.db, n, now)
        })
        .await
    }
}

fn issue(row: &Row<'_>) -> Result<Issue, StoreError> {
    let count = |column: usize| row.get::<_, i64>(column).map(i64::unsigned_abs);
    let error: String = row.get(2)?;
    Ok(Issue {
        endpoint: EndpointId::from_bytes(row.get(0)?),
        cause: Cause {
            status: Some(row.get(1)?).filter(|status| *status > 0),
            error: ErrorKind::parse(&error).ok_or_else(|| StoreError::Broken(format!("an issue of kind {error:?}")))?,
            line: row.get(3)?,
        },
        attempts: count(4)?,
        failed: count(5)?,
        first_at: Timestamp::from_ms(row.get(6)?),
        last_at: Timestamp::from_ms(row.get(7)?),
        last_delivery: row.get::<_, Option<[u8; 16]>>(8)?.map(DeliveryId::from_bytes),
        solved_at: rows::time(row.get(9)?),
    })
}

/// Counts a failed attempt; `ended`: the attempt made its delivery fail.
pub(super) fn count_failure(
    db: &Connection,
    endpoint: i64,
    delivery: i64,
    attempt: &Attempt,
    ended: bool,
) -> Result<(), StoreError> {
    let Some(mut cause) = Cause::of(attempt) else { return Ok(()) };
    if has_no_room(db, endpoint, &cause)? {
        cause.line.clear();
    }
    // A solved issue starts again.
    let upsert = "INSERT INTO issues VALUES (?1, ?2, ?3, ?4, 1, ?5, ?6, ?6, ?7, NULL) ON CONFLICT DO UPDATE SET \
        attempts = iif(solved_at IS NULL, attempts, 0) + 1, failed = iif(solved_at IS NULL, failed, 0) + ?5, \
        first_at = iif(solved_at IS NULL, first_at, ?6), last_at = ?6, delivery = ?7, solved_at = NULL";
    let (status, error) = (cause.status.unwrap_or(0), cause.error.as_str());
    let params = params![endpoint, status, error, cause.line, ended, attempt.at.ms(), delivery];
    db.prepare_cached(upsert)?.execute(params)?;
    Ok(())
}

/// Whether a cause is new and the endpoint already has the maximum number of issues.
fn has_no_room(db: &Connection, endpoint: i64, cause: &Cause) -> rusqlite::Result<bool> {
    let select = "SELECT (SELECT count(*) FROM issues WHERE endpoint = ?1) >= ?5 AND NOT EXISTS \
        (SELECT 1 FROM issues WHERE endpoint = ?1 AND status = ?2 AND error = ?3 AND line = ?4)";
    let params = params![endpoint, cause.status.unwrap_or(0), cause.error.as_str(), cause.line, ISSUES_MAX];
    db.prepare_cached(select)?.query_row(params, |row| row.get(0))
}

/// Closes an endpoint's open issues.
pub(super) fn solve(db: &Connection, endpoint: i64, now: Timestamp) -> Result<u64, StoreError> {
    let update = "UPDATE issues SET solved_at = ?2 WHERE endpoint = ?1 AND solved_at IS NULL";
    Ok(db.prepare_cached(update)?.execute(params![endpoint, now.ms()])? as u64)
}

/// Removes some old issues.
pub(super) fn forget_issues(db: &Connection, before: Timestamp, most: u32) -> Result<u64, StoreError> {
    let delete = "DELETE FROM issues WHERE (endpoint, status, error, line) IN \
        (SELECT endpoint, status, error, line FROM issues WHERE last_at < ?1 LIMIT ?2)";
    Ok(db.prepare_cached(delete)?.execute(params![before.ms(), most])? as u64)
}
