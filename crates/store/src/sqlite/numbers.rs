//! The feed's numbers. They follow from the events; `meta` keeps those of removed events.

use rusqlite::Connection;

/// The feed's last number, and the lowest one outside it, including removed events.
pub(super) fn last_numbers(db: &Connection) -> rusqlite::Result<(i64, i64)> {
    let select = "SELECT max((SELECT value FROM meta WHERE name = 'sequence'), ifnull((SELECT max(n) FROM events), 0)), \
        min((SELECT value FROM meta WHERE name = 'off_feed'), ifnull((SELECT min(n) FROM events), 0))";
    db.prepare_cached(select)?.query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
}

/// Saves them before events are removed.
pub(super) fn keep_numbers(db: &Connection) -> rusqlite::Result<()> {
    let (last, lowest) = last_numbers(db)?;
    let mut set = db.prepare_cached("UPDATE meta SET value = ?2 WHERE name = ?1")?;
    set.execute(("sequence", last))?;
    set.execute(("off_feed", lowest))?;
    Ok(())
}
