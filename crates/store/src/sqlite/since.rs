//! From which number on a table holds what is not older than a moment.

use gancho_model::{EventId, Timestamp};
use rusqlite::{Connection, OptionalExtension};

use crate::{StoreError, stored::DISORDER_MS};

/// The lowest number of `events` or `deliveries` since then; none where nothing came since. Ids sort by the millisecond in
/// which they were made, numbers are given a little later, by another thread: the lowest is looked for among the first ids.
pub(super) fn lowest_since(db: &Connection, table: &str, since: Timestamp) -> Result<Option<i64>, StoreError> {
    // Ids of all kinds begin with the time. Both statements read the index on id only.
    let first = format!("SELECT id FROM {table} WHERE id >= ?1 AND +n > 0 ORDER BY id LIMIT 1");
    let since = EventId::first_at(since);
    let first: Option<[u8; 16]> = db.prepare_cached(&first)?.query_row([since.bytes()], |row| row.get(0)).optional()?;
    let Some(first) = first else { return Ok(None) };
    let last = EventId::first_at(EventId::from_bytes(first).made_at().plus_ms(DISORDER_MS));
    let lowest = format!("SELECT min(+n) FROM {table} WHERE id >= ?1 AND id < ?2 AND +n > 0");
    Ok(db.prepare_cached(&lowest)?.query_row([&first, last.bytes()], |row| row.get(0))?)
}
