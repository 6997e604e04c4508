use std::{
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
};

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

use super::{CLAIM_S, Claim, Inbox, Once, OnceError, REMEMBER_S};

/// An inbox in an SQLite file; it needs only a table `gancho_inbox`.
#[derive(Debug)]
pub struct SqliteInbox(Mutex<Connection>);

impl SqliteInbox {
    /// Opens or creates the file.
    ///
    /// # Errors
    /// If it can't be opened or is not a database.
    pub fn open(path: impl AsRef<Path>) -> rusqlite::Result<Self> {
        Self::new(Connection::open(path)?)
    }

    /// Uses your connection, so that handlers can write in the same transaction.
    ///
    /// # Errors
    /// If the table can't be created.
    pub fn new(connection: Connection) -> rusqlite::Result<Self> {
        connection.busy_timeout(std::time::Duration::from_secs(5))?;
        connection.execute_batch(
            "CREATE TABLE IF NOT EXISTS gancho_inbox (id TEXT PRIMARY KEY, done INTEGER NOT NULL, at_s INTEGER NOT NULL) WITHOUT ROWID;
             CREATE INDEX IF NOT EXISTS gancho_inbox_age ON gancho_inbox (at_s);",
        )?;
        Ok(Self(Mutex::new(connection)))
    }

    /// Runs the handler in the same transaction that stores the id: both take effect, or neither.
    ///
    /// # Errors
    /// [`OnceError`] states which side failed; in each case nothing was written.
    pub fn once<T, E>(
        &self,
        id: &str,
        now_s: i64,
        handler: impl FnOnce(&Transaction<'_>) -> Result<T, E>,
    ) -> Result<Once<T>, OnceError<rusqlite::Error, E>> {
        let mut connection = self.connection();
        let transaction =
            connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(OnceError::Inbox)?;
        match claim(&transaction, id, now_s).map_err(OnceError::Inbox)? {
            Claim::Done => return Ok(Once::Repeat),
            Claim::Busy => return Ok(Once::Busy),
            Claim::New => {}
        }
        let value = handler(&transaction).map_err(OnceError::Handler)?;
        finish(&transaction, id, now_s).map_err(OnceError::Inbox)?;
        transaction.commit().map_err(OnceError::Inbox)?;
        Ok(Once::Handled(value))
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        // A panic rolls back the open transaction while unwinding.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inbox for SqliteInbox {
    type Error = rusqlite::Error;

    fn claim(&self, id: &str, now_s: i64) -> rusqlite::Result<Claim> {
        let mut connection = self.connection();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let claim = claim(&transaction, id, now_s)?;
        transaction.commit()?;
        Ok(claim)
    }

    fn finish(&self, id: &str, now_s: i64) -> rusqlite::Result<()> {
        finish(&self.connection(), id, now_s)
    }

    fn release(&self, id: &str) -> rusqlite::Result<()> {
        self.connection().execute("DELETE FROM gancho_inbox WHERE id = ?1 AND done = 0", [id]).map(drop)
    }
}

fn claim(connection: &Connection, id: &str, now_s: i64) -> rusqlite::Result<Claim> {
    connection.execute("DELETE FROM gancho_inbox WHERE at_s < ?1", [now_s - REMEMBER_S])?;
    let known: Option<(bool, i64)> = connection
        .query_row("SELECT done, at_s FROM gancho_inbox WHERE id = ?1", [id], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    Ok(match known {
        Some((true, _)) => Claim::Done,
        Some((false, at_s)) if now_s - at_s < CLAIM_S => Claim::Busy,
        _ => {
            connection.execute("INSERT OR REPLACE INTO gancho_inbox VALUES (?1, 0, ?2)", params![id, now_s])?;
            Claim::New
        }
    })
}

fn finish(connection: &Connection, id: &str, now_s: i64) -> rusqlite::Result<()> {
    connection.execute("INSERT OR REPLACE INTO gancho_inbox VALUES (?1, 1, ?2)", params![id, now_s]).map(drop)
}
