//! Outbox rows that events were made from, so that a restored database does not repeat them.

use std::collections::HashSet;

use gancho_model::{SourceId, Timestamp, limits::RETENTION_BATCH};
use sqlx::Row as _;

use super::Db;
use crate::{ProcessedRow, StoreError};

/// Whether each of these rows was processed before, in the same order.
pub(super) async fn find_rows(db: &mut Db, source: SourceId, rows: &[ProcessedRow]) -> Result<Vec<bool>, StoreError> {
    let known = known(db, source, rows).await?;
    Ok(rows.iter().map(|row| known.contains(&(row.id, row.mark))).collect())
}

/// Whether one of these rows was processed before.
pub(super) async fn are_any(db: &mut Db, source: SourceId, rows: &[ProcessedRow]) -> Result<bool, StoreError> {
    Ok(!known(db, source, rows).await?.is_empty())
}

async fn known(db: &mut Db, source: SourceId, rows: &[ProcessedRow]) -> Result<HashSet<(i64, i64)>, StoreError> {
    if rows.is_empty() {
        return Ok(HashSet::new());
    }
    let select = "SELECT p.id, p.mark FROM unnest($2::bigint[], $3::bigint[]) AS w (id, mark) \
        JOIN processed_rows p ON p.source = $1 AND p.id = w.id AND p.mark = w.mark";
    let (ids, marks) = columns(rows);
    let found = all!(db, select, source.bytes().as_slice(), ids, marks);
    found.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
}

fn columns(rows: &[ProcessedRow]) -> (Vec<i64>, Vec<i64>) {
    rows.iter().map(|row| (row.id, row.mark)).unzip()
}

/// Marks these rows as processed, regardless of their age.
pub(super) async fn keep(
    db: &mut Db,
    source: SourceId,
    rows: &[ProcessedRow],
    now: Timestamp,
) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    let insert = "INSERT INTO processed_rows (source, id, mark, at) SELECT $1, id, mark, $4 \
        FROM unnest($2::bigint[], $3::bigint[]) AS w (id, mark) ON CONFLICT DO NOTHING";
    let (ids, marks) = columns(rows);
    run!(db, insert, source.bytes().as_slice(), ids, marks, now.ms());
    Ok(())
}

/// Removes each source's oldest rows processed before this time, limited per source.
pub(super) async fn prune(db: &mut Db, before: Timestamp, most: u32) -> Result<u64, StoreError> {
    let mut pruned = 0;
    for source in column!(db, Vec<u8>, "SELECT id FROM sources") {
        let delete = "DELETE FROM processed_rows WHERE (source, id, mark) IN \
            (SELECT source, id, mark FROM processed_rows WHERE source = $1 ORDER BY id LIMIT $3) AND at < $2";
        pruned += run!(db, delete, source, before.ms(), i64::from(most));
    }
    Ok(pruned)
}

/// Removes some rows of a source regardless of age; returns how many.
pub(super) async fn forget(db: &mut Db, source: SourceId) -> Result<u64, StoreError> {
    let delete = "DELETE FROM processed_rows WHERE (source, id, mark) IN \
        (SELECT source, id, mark FROM processed_rows WHERE source = $1 LIMIT $2)";
    Ok(run!(db, delete, source.bytes().as_slice(), i64::from(RETENTION_BATCH)))
}
