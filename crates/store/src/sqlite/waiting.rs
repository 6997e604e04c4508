//! How many deliveries wait for each endpoint. The server counts them once and follows what it commits; whoever only
//! opens the file counts when asked. What another process changes is counted with the server's next transaction, ten
//! seconds later at most.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use const_format::formatcp;
use rusqlite::Connection;

use super::rows::PENDING;

/// The counts as of the last commit, by the endpoint's number; nothing while they are not followed.
#[derive(Clone, Default)]
pub(super) struct WaitingCounts(Arc<Mutex<Option<HashMap<i64, i64>>>>);

impl WaitingCounts {
    fn counts(&self) -> MutexGuard<'_, Option<HashMap<i64, i64>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts, and follows them from here on; within a transaction that writes and has changed so much so far, which its
    /// commit will add.
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

    /// Counts again if they are followed, at the beginning of a transaction: another process changed something.
    pub fn follow_again(&self, db: &Connection) -> rusqlite::Result<()> {
        if self.is_followed() { self.follow(db, &BTreeMap::new()) } else { Ok(()) }
    }

    /// Whether the counts are as of the last commit, or else counted in the transaction that asks.
    pub fn is_followed(&self) -> bool {
        self.counts().is_some()
    }

    /// What a commit changed.
    pub fn add(&self, changes: &BTreeMap<i64, i64>) {
        if let Some(counts) = &mut *self.counts() {
            for (endpoint, more) in changes {
                *counts.entry(*endpoint).or_default() += more;
            }
        }
    }

    /// How many wait for this endpoint.
    pub fn of(&self, db: &Connection, endpoint: i64) -> rusqlite::Result<u64> {
        let known = self.counts().as_ref().map(|counts| counts.get(&endpoint).copied().unwrap_or(0));
        known.map_or_else(|| count_waiting(db, endpoint), |count| Ok(u64::try_from(count).unwrap_or(0)))
    }
}

/// Counts what waits for one endpoint, as the transaction at hand has it.
fn count_waiting(db: &Connection, endpoint: i64) -> rusqlite::Result<u64> {
    let select = formatcp!("SELECT count(*) FROM deliveries WHERE state = {PENDING} AND endpoint = ?1");
    let count: i64 = db.prepare_cached(select)?.query_row([endpoint], |row| row.get(0))?;
    Ok(count.unsigned_abs())
}
