//! Outbox rows that events were made from, so that a restored database does not repeat them.

use gancho_model::{SourceId, Timestamp, limits::RETENTION_BATCH};
use rusqlite::{Connection, params};

use crate::{ProcessedRow, StoreError};

/// Whether each of these rows was processed before, in the same order.
pub(super) fn find_rows(db: &Connection, source: SourceId, rows: &[ProcessedRow]) -> Result<Vec<bool>, StoreError> {
    rows.iter().map(|row| is_kept(db, source, row)).collect()
}

/// Whether one of these rows was processed before.
pub(super) fn are_any(db: &Connection, source: SourceId, rows: &[ProcessedRow]) -> Result<bool, StoreError> {
    for row in rows {
        if is_kept(db, source, row)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn is_kept(db: &Connection, source: SourceId, row: &ProcessedRow) -> Result<bool, StoreError> {
    let select = "SELECT 1 FROM processed_rows WHERE source = ?1 AND id = ?2 AND mark = ?3";
    Ok(db.prepare_cached(select)?.exists(params![source.bytes(), row.id, row.mark])?)
}

/// Marks these rows as processed, regardless of their age.
pub(super) fn keep(db: &Connection, source: SourceId, rows: &[ProcessedRow], now: Timestamp) -> Result<(), StoreError> {
    let insert = "INSERT OR IGNORE INTO processed_rows (source, id, mark, at) VALUES (?1, ?2, ?3, ?4)";
    let mut insert = db.prepare_cached(insert)?;
    for row in rows {
        insert.execute(params![source.bytes(), row.id, row.mark, now.ms()])?;
    }
    Ok(())
}

/// Removes each source's oldest rows processed before this time, limited per source.
pub(super) fn prune(db: &Connection, before: Timestamp, most: u32) -> Result<u64, StoreError> {
    let delete = "DELETE FROM processed_rows WHERE (source, id, mark) IN \
        (SELECT source, id, mark FROM processed_rows WHERE source = ?1 ORDER BY id LIMIT ?3) AND at < ?2";
    let mut delete = db.prepare_cached(delete)?;
    let mut select = db.prepare_cached("SELECT id FROM sources")?;
    let sources = select.query_map([], |row| row.get::<_, [u8; 16]>(0))?.collect::<rusqlite::Result<Vec<_>>>()?;
    let mut pruned = 0;
    for source in sources {
        pruned += delete.execute(params![source, before.ms(), most])? as u64;
    }
    Ok(pruned)
}

/// Removes some rows of a source regardless of age; returns how many.
pub(super) fn forget(db: &Connection, source: SourceId) -> Result<u64, StoreError> {
    let delete = "DELETE FROM processed_rows WHERE (source, id, mark) IN \
        (SELECT source, id, mark FROM processed_rows WHERE source = ?1 LIMIT ?2)";
    Ok(db.prepare_cached(delete)?.execute(params![source.bytes(), RETENTION_BATCH])? as u64)
}
