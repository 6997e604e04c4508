//! The search index: a database beside the log with the trigrams of searchable texts. It is written separately, so that
//! accepting events does not wait for it, and rebuilt if it does not match the log.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use async_trait::async_trait;
use gancho_model::Event;
use rusqlite::{Connection, OptionalExtension, params};

use super::{FILE, SqliteStore, numbers, rows};
use crate::{Search, SearchHits, StoreError};

/// Entries of removed events deleted at a time.
const FORGOTTEN: u32 = 500;

/// SQLite's trigram tokenizer ignores case and accents; the texts themselves are not stored.
const SCHEMA: &str = "\
    CREATE VIRTUAL TABLE found USING fts5(text, content = '', contentless_delete = 1, \
        tokenize = 'trigram remove_diacritics 1');
    CREATE TABLE progress (n INTEGER NOT NULL, id BLOB);
    INSERT INTO progress VALUES (0, NULL);
    PRAGMA user_version = 1;";

/// The index, with a write connection and a read connection.
pub(super) struct SearchIndex {
    path: PathBuf,
    /// Counts how often the file was recreated: connections to an older one are invalid.
    files: AtomicU64,
    writer: Place,
    reader: Place,
}

/// A connection, and the number of the file that it belongs to.
type Place = Mutex<Option<(u64, Connection)>>;

impl SearchIndex {
    /// The index of a data dir; opened at first use.
    pub fn of(data_dir: &Path) -> Arc<Self> {
        let path = data_dir.join(format!("{FILE}.search"));
        Arc::new(Self { path, files: AtomicU64::new(0), writer: Mutex::default(), reader: Mutex::default() })
    }

    /// Runs a query on a connection. An unusable index is removed: the next call creates a new one.
    fn with<T>(
        &self,
        place: &Place,
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let mut place = place.lock().unwrap_or_else(PoisonError::into_inner);
        let file = self.files.load(Ordering::Acquire);
        let done = match place.take().filter(|(of, _)| *of == file) {
            Some((_, db)) => Ok(db),
            None => open(&self.path),
        }
        .and_then(|mut db| {
            let done = work(&mut db)?;
            *place = Some((file, db));
            Ok(done)
        });
        done.map_err(|error| {
            if is_spoilt(&error) {
                tracing::warn!(%error, "the search index is unusable and will be rebuilt");
                self.discard();
            }
            StoreError::from(error)
        })
    }

    /// Removes the index: the next use creates a new one.
    pub fn discard(&self) {
        remove(&self.path);
        self.files.fetch_add(1, Ordering::AcqRel);
    }
}

fn open(path: &Path) -> rusqlite::Result<Connection> {
    let mut db = Connection::open(path)?;
    db.busy_timeout(std::time::Duration::from_secs(5))?;
    db.pragma_update(None, "journal_mode", "WAL")?;
    // Lost entries are indexed again.
    db.pragma_update(None, "synchronous", "NORMAL")?;
    db.pragma_update(None, "cache_size", -8192)?;
    let transaction = db.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let version: u32 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if version == 0 {
        transaction.execute_batch(SCHEMA)?;
    }
    transaction.commit()?;
    Ok(db)
}

fn is_spoilt(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
    matches!(error.sqlite_error_code(), Some(DatabaseCorrupt | NotADatabase))
}

fn remove(path: &Path) {
    for end in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(end);
        // A missing file is fine.
        let _ = std::fs::remove_file(name);
    }
}

#[async_trait]
impl Search for SqliteStore {
    async fn unindexed(&self, limit: usize) -> Result<Vec<Event>, StoreError> {
        let index = self.search.clone();
        self.read_now(move |log| {
            let (last, id) = index.with(&index.writer, |db| progress(db))?;
            if last > 0 && !fits(log, last, id)? {
                tracing::warn!("the search index does not match the log and will be rebuilt");
                index.with(&index.writer, |db| {
                    db.execute_batch("DROP TABLE found; DROP TABLE progress; PRAGMA user_version = 0")?;
                    db.execute_batch(SCHEMA)
                })?;
                return events(log, 0, limit);
            }
            events(log, last, limit)
        })
        .await
    }

    async fn index(&self, texts: Vec<(u64, String)>) -> Result<(), StoreError> {
        let index = self.search.clone();
        self.read_now(move |log| {
            let oldest: Option<i64> = log.query_row("SELECT min(n) FROM events WHERE n > 0", [], |row| row.get(0))?;
            let last = texts.last().map(|(n, _)| n.cast_signed());
            let id: Option<[u8; 16]> = match last {
                Some(last) => {
                    log.query_row("SELECT id FROM events WHERE n = ?1", [last], |row| row.get(0)).optional()?
                }
                None => None,
            };
            index.with(&index.writer, |db| {
                let transaction = db.transaction()?;
                index_texts(&transaction, &texts)?;
                forget_removed(&transaction, oldest.unwrap_or(i64::MAX))?;
                if let Some(last) = last {
                    transaction.execute("UPDATE progress SET n = ?1, id = ?2", params![last, id])?;
                }
                transaction.commit()
            })
        })
        .await
    }

    async fn search(&self, parts: Vec<String>, limit: usize) -> Result<SearchHits, StoreError> {
        let index = self.search.clone();
        self.read_now(move |log| {
            let (numbers, (indexed_to, _)) = index.with(&index.reader, |db| {
                let transaction = db.transaction()?;
                Ok((matching(&transaction, &parts, limit)?, progress(&transaction)?))
            })?;
            let mut select = log.prepare_cached(&format!("SELECT {} FROM events WHERE n = ?1", rows::EVENT))?;
            let mut found = vec![];
            for n in numbers {
                let mut event = select.query([n])?;
                // An event removed from the log stays in the index for a while.
                if let Some(row) = event.next()? {
                    found.push(rows::event(row)?);
                }
            }
            Ok(SearchHits { events: found, indexed_to: indexed_to.unsigned_abs() })
        })
        .await
    }
}

/// The last indexed number, and the id of that event.
fn progress(db: &Connection) -> rusqlite::Result<(i64, Option<[u8; 16]>)> {
    db.prepare_cached("SELECT n, id FROM progress")?.query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
}

/// Whether the log has, or had, the last indexed event: a log restored from a backup may have another event with that
/// number, or none yet.
fn fits(log: &Connection, last: i64, id: Option<[u8; 16]>) -> rusqlite::Result<bool> {
    let found: Option<[u8; 16]> =
        log.query_row("SELECT id FROM events WHERE n = ?1", [last], |row| row.get(0)).optional()?;
    if let Some(found) = found {
        return Ok(id == Some(found));
    }
    Ok(numbers::last_numbers(log)?.0 >= last)
}

fn events(log: &Connection, after: i64, limit: usize) -> Result<Vec<Event>, StoreError> {
    let select = format!("SELECT {} FROM events WHERE n > ?1 ORDER BY n LIMIT ?2", rows::EVENT);
    let mut select = log.prepare_cached(&select)?;
    let mut found = select.query(params![after, limit as i64])?;
    let mut events = vec![];
    while let Some(row) = found.next()? {
        events.push(rows::event(row)?);
    }
    Ok(events)
}

fn index_texts(db: &Connection, texts: &[(u64, String)]) -> rusqlite::Result<()> {
    let mut insert = db.prepare_cached("INSERT OR REPLACE INTO found (rowid, text) VALUES (?1, ?2)")?;
    for (n, text) in texts.iter().filter(|(_, text)| !text.is_empty()) {
        insert.execute(params![n.cast_signed(), text])?;
    }
    Ok(())
}

/// Deletes some entries older than the oldest event of the log.
fn forget_removed(db: &Connection, oldest: i64) -> rusqlite::Result<()> {
    let delete = "DELETE FROM found WHERE rowid IN (SELECT id FROM found_docsize WHERE id < ?1 LIMIT ?2)";
    db.prepare_cached(delete)?.execute(params![oldest, FORGOTTEN])?;
    Ok(())
}

/// Numbers of events that contain all of the parts, newest first.
fn matching(db: &Connection, parts: &[String], limit: usize) -> rusqlite::Result<Vec<i64>> {
    let quoted: Vec<String> = parts.iter().map(|part| format!("\"{}\"", part.replace('"', "\"\""))).collect();
    let select = "SELECT rowid FROM found WHERE found MATCH ?1 ORDER BY rowid DESC LIMIT ?2";
    let mut select = db.prepare_cached(select)?;
    let numbers = select.query_map(params![quoted.join(" AND "), limit as i64], |row| row.get(0))?;
    numbers.collect()
}
