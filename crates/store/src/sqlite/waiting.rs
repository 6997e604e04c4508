//! Pending deliveries per endpoint. The server counts them once and follows its commits; other processes that open the
//! file count on demand. Changes by other processes are counted with the server's next transaction, at most ten seconds
//! later.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use const_format::formatcp;
use rusqlite::Connection;

use super::rows::PENDING;

/// Counts as of the last commit, by the endpoint's number; `None` while they are not followed.
#[derive(Clone, Default)]
pub(super) struct WaitingCounts(Arc<Mutex<Option<HashMap<i64, i64>>>>);

impl WaitingCounts {
    fn counts(&self) -> MutexGuard<'_, Option<HashMap<i64, i64>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts and starts following; call it within a write transaction with its changes so far, which the commit will
    /// add.
    pub fn follow(&self, db: &Connection, changes: &BTreeMap<i64, i64>) -> rusqlite::Result<()> {
        let select = formatcp!("SELECT endpoint, count(*) FROM deliveries WHERE state = {PENDING} GROUP BY endpoint");
        let mut select = db.prepare_cached(select)?;
        let mut counts: HashMap<i64, i64> =
            select.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<rusqlite::Result<_>>()?;
        for (endpoint, more) in changes {
            *counts.entry(*endpoint).or_default() -= more;
        }
        *self.counts() = Some(counts);
        Ok(())
    }

    /// Recounts if counts are followed, at the beginning of a transaction after another process's change.
    pub fn follow_again(&self, db: &Connection) -> rusqlite::Result<()> {
        if self.is_followed() { self.follow(db, &BTreeMap::new()) } else { Ok(()) }
    }

    /// Whether counts are as of the last commit; otherwise they are counted in the calling transaction.
    pub fn is_followed(&self) -> bool {
        self.counts().is_some()
    }

    /// Adds the changes of a commit.
    pub fn add(&self, changes: &BTreeMap<i64, i64>) {
        if let Some(counts) = &mut *self.counts() {
            for (endpoint, more) in changes {
                *counts.entry(*endpoint).or_default() += more;
            }
        }
    }

    /// Pending deliveries of this endpoint.
    pub fn of(&self, db: &Connection, endpoint: i64) -> rusqlite::Result<u64> {
        let known = self.counts().as_ref().map(|counts| counts.get(&endpoint).copied().unwrap_or(0));
        known.map_or_else(|| count_waiting(db, endpoint), |count| Ok(u64::try_from(count).unwrap_or(0)))
    }
}

/// Counts pending deliveries of one endpoint in the current transaction.
fn count_waiting(db: &Connection, endpoint: i64) -> rusqlite::Result<u64> {
    let select = formatcp!("SELECT count(*) FROM deliveries WHERE state = {PENDING} AND endpoint = ?1");
    let count: i64 = db.prepare_cached(select)?.query_row([endpoint], |row| row.get(0))?;
    Ok(count.unsigned_abs())
}
