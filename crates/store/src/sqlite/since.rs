//! The first number of a table since a time.

use gancho_model::{EventId, Timestamp};
use rusqlite::{Connection, OptionalExtension};

use crate::{StoreError, stored::DISORDER_MS};

/// The lowest number of `events` or `deliveries` since then; `None` without rows. Ids sort by the millisecond of their
/// creation; numbers are assigned a little later, by another thread: so take the lowest number among the first ids.
pub(super) fn lowest_since(db: &Connection, table: &str, since: Timestamp) -> Result<Option<i64>, StoreError> {
    // Ids of all kinds begin with the time. Both statements read only the index on id.
    let first = format!("SELECT id FROM {table} WHERE id >= ?1 AND +n > 0 ORDER BY id LIMIT 1");
    let since = EventId::first_at(since);
    let first: Option<[u8; 16]> = db.prepare_cached(&first)?.query_row([since.bytes()], |row| row.get(0)).optional()?;
    let Some(first) = first else { return Ok(None) };
    let last = EventId::first_at(EventId::from_bytes(first).made_at().plus_ms(DISORDER_MS));
    let lowest = format!("SELECT min(+n) FROM {table} WHERE id >= ?1 AND id < ?2 AND +n > 0");
    Ok(db.prepare_cached(&lowest)?.query_row([&first, last.bytes()], |row| row.get(0))?)
}
