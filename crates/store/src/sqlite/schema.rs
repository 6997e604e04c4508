//! Configures connections, and migrates the schema.

use std::path::Path;

use gancho_model::Rng;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, config::DbConfig};

use super::{OpenError, seal_urls};
use crate::vault::Vault;

/// One file per step; released steps never change.
const MIGRATIONS: &[Step] = &[
    Step::Sql(include_str!("migrations/001.sql")),
    Step::Sql(include_str!("migrations/002.sql")),
    Step::Sql(include_str!("migrations/003.sql")),
    Step::Sql(include_str!("migrations/004.sql")),
    Step::Sql(include_str!("migrations/005.sql")),
    Step::Code(seal_urls::seal_urls),
    Step::Sql(include_str!("migrations/007.sql")),
    Step::Sql(include_str!("migrations/008.sql")),
    Step::Sql(include_str!("migrations/009.sql")),
    Step::Sql(include_str!("migrations/010.sql")),
    Step::Sql(include_str!("migrations/011.sql")),
    Step::Sql(include_str!("migrations/012.sql")),
    Step::Sql(include_str!("migrations/013.sql")),
    Step::Sql(include_str!("migrations/014.sql")),
    Step::Sql(include_str!("migrations/015.sql")),
];

/// One migration step.
enum Step {
    Sql(&'static str),
    /// For what SQL can't do.
    Code(fn(&Connection, &Vault, &dyn Rng) -> rusqlite::Result<()>),
}

/// WAL pages before a checkpoint, which writes each page once: 32 MB, twice that in files of older versions.
const CHECKPOINT_PAGES: u32 = 8000;
/// SQLite's `application_id`: `ganc`.
pub(super) const APPLICATION: i32 = 0x6761_6e63;
/// Page size in bytes.
const PAGE_BYTES: u32 = 4096;

pub(super) fn prepare(db: &Connection, pages_max: u32) -> rusqlite::Result<()> {
    db.busy_timeout(std::time::Duration::from_secs(5))?;
    db.set_prepared_statement_cache_capacity(128);
    // Otherwise a statement on a partial index is prepared again whenever a bound value changes.
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    // Takes effect at creation. A single event touches a page of each index: larger pages would write more.
    db.pragma_update(None, "page_size", PAGE_BYTES)?;
    db.pragma_update(None, "journal_mode", "WAL")?;
    db.pragma_update(None, "synchronous", "FULL")?;
    // Overwrites erased data, and leaves no copies where rows were moved.
    db.pragma_update(None, "secure_delete", true)?;
    db.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
    db.pragma_update(None, "cache_size", -24_576)?;
    if pages_max > 0 {
        db.pragma_update(None, "max_page_count", pages_max)?;
    }
    Ok(())
}

/// Creates the file of a new database atomically: an empty file is never ours.
pub(super) fn create(path: &Path) -> Result<(), OpenError> {
    let unusable = |why: String| OpenError::Unusable { path: path.into(), why };
    // Named by process: another one may start in the same folder at the same time.
    let draft = path.with_extension(format!("db.new-{}", std::process::id()));
    let _ = std::fs::remove_file(&draft);
    let made = Connection::open(&draft).and_then(|db| {
        db.pragma_update(None, "page_size", PAGE_BYTES)?;
        db.pragma_update(None, "application_id", APPLICATION)?;
        db.close().map_err(|(_, error)| error)
    });
    made.map_err(|error| unusable(error.to_string()))?;
    // Unlike a rename, a link never replaces an existing file.
    let placed = match std::fs::hard_link(&draft, path) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        // File systems without hard links.
        Err(_) if !path.exists() => std::fs::rename(&draft, path),
        placed => placed,
    };
    let _ = std::fs::remove_file(&draft);
    placed.map_err(|error| unusable(error.to_string()))
}

pub(super) fn migrate(db: &mut Connection, path: &Path, vault: &Vault, rng: &dyn Rng) -> Result<(), OpenError> {
    let unusable = |error: rusqlite::Error| OpenError::Unusable { path: path.into(), why: error.to_string() };
    let known = MIGRATIONS.len() as u32;
    let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate).map_err(unusable)?;
    let found: u32 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(unusable)?;
    if found > known {
        return Err(OpenError::Newer { path: path.into(), found, known });
    }
    check_key(&transaction, path, vault)?;
    for step in &MIGRATIONS[found as usize..] {
        match step {
            Step::Sql(text) => transaction.execute_batch(text),
            Step::Code(run) => run(&transaction, vault, rng),
        }
        .map_err(unusable)?;
    }
    transaction.pragma_update(None, "user_version", known).map_err(unusable)?;
    let insert = "INSERT OR IGNORE INTO meta VALUES ('key_fingerprint', ?1)";
    transaction.execute(insert, [vault.fingerprint()]).map_err(unusable)?;
    transaction.commit().map_err(unusable)?;
    erase_freed(db).map_err(unusable)
}

/// Freed pages stay readable in the file and its WAL until they are overwritten: after addresses were sealed, VACUUM
/// rewrites the file. Without disk space for it everything still works, and the next start tries again.
fn erase_freed(db: &Connection) -> rusqlite::Result<()> {
    let is_due = "SELECT EXISTS (SELECT 1 FROM meta WHERE name = 'erase_freed')";
    if !db.query_row(is_due, [], |row| row.get(0))? {
        return Ok(());
    }
    if let Err(error) = db.execute_batch("VACUUM; PRAGMA wal_checkpoint(TRUNCATE)") {
        tracing::warn!(%error, "addresses of webhooks from before the upgrade may stay readable in free space of the database: \
            the next start tries to erase them again");
        return Ok(());
    }
    db.execute_batch("DELETE FROM meta WHERE name = 'erase_freed'")
}

/// Checked before any change: another key can't open the sealed values.
fn check_key(db: &Connection, path: &Path, vault: &Vault) -> Result<(), OpenError> {
    let unusable = |error: rusqlite::Error| OpenError::Unusable { path: path.into(), why: error.to_string() };
    if !db.table_exists(None, "meta").map_err(unusable)? {
        return Ok(());
    }
    let select = "SELECT value FROM meta WHERE name = 'key_fingerprint'";
    let right: Option<String> = db.query_row(select, [], |row| row.get(0)).optional().map_err(unusable)?;
    if right.is_some_and(|right| right != vault.fingerprint()) {
        return Err(OpenError::WrongKey { path: path.into() });
    }
    Ok(())
}
