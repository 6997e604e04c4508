//! Long work: how far it is, and what became of its deliveries.

use async_trait::async_trait;
use gancho_model::{State, Timestamp};
use rusqlite::{Connection, OptionalExtension, params};

use super::{SqliteStore, rows};
use crate::{Job, JobCounts, JobState, Jobs, StoreError};

#[async_trait]
impl Jobs for SqliteStore {
    async fn begin_job(&self, about: &str, total: u64, now: Timestamp) -> Result<u64, StoreError> {
        let about = about.to_owned();
        self.write(true, move |context| {
            let insert = "INSERT INTO jobs (about, total, sent, state, began_at) VALUES (?1, ?2, 0, ?3, ?4)";
            let params = params![about, total.cast_signed(), word(JobState::Running), now.ms()];
            context.db.prepare_cached(insert)?.execute(params)?;
            Ok(context.db.last_insert_rowid().unsigned_abs())
        })
        .await
    }

    async fn end_job(&self, job: u64, state: JobState, now: Timestamp) -> Result<(), StoreError> {
        self.write(true, move |context| {
            let update = "UPDATE jobs SET state = ?2, ended_at = ?3 WHERE n = ?1";
            context.db.prepare_cached(update)?.execute(params![job.cast_signed(), word(state), now.ms()])?;
            Ok(())
        })
        .await
    }

    async fn last_job(&self, about: &str) -> Result<Option<(Job, JobCounts)>, StoreError> {
        let about = about.to_owned();
        self.read(move |db| {
            let select = "SELECT n, total, sent, state, began_at FROM jobs WHERE about = ?1 ORDER BY n DESC LIMIT 1";
            let found = db.prepare_cached(select)?.query_row([about], |row| {
                let count = |column: usize| row.get::<_, i64>(column).map(i64::unsigned_abs);
                let state = state_of(&row.get::<_, String>(3)?);
                let began_at = Timestamp::from_ms(row.get(4)?);
                Ok((row.get(0)?, Job { total: count(1)?, sent: count(2)?, state, began_at }))
            });
            let Some((n, job)) = found.optional()? else { return Ok(None) };
            Ok(Some((job, counts(db, n)?)))
        })
        .await
    }
}

fn counts(db: &Connection, job: i64) -> Result<JobCounts, StoreError> {
    let mut select = db.prepare_cached("SELECT state, count(*) FROM deliveries WHERE job = ?1 GROUP BY state")?;
    let mut found = select.query([job])?;
    let mut counts = JobCounts::default();
    while let Some(row) = found.next()? {
        let count = row.get::<_, i64>(1)?.unsigned_abs();
        match rows::state_of(row.get(0)?)? {
            State::Delivered => counts.delivered += count,
            State::Pending => counts.waiting += count,
            State::Failed | State::Cancelled | State::Skipped => counts.failed += count,
        }
    }
    Ok(counts)
}

/// So many more were put on their way, in the transaction at hand.
pub(super) fn add_sent(db: &Connection, job: Option<u64>, more: u64) -> Result<(), StoreError> {
    let Some(job) = job.filter(|_| more > 0) else { return Ok(()) };
    let update = "UPDATE jobs SET sent = sent + ?2 WHERE n = ?1";
    db.prepare_cached(update)?.execute([job.cast_signed(), more.cast_signed()])?;
    Ok(())
}

/// A process starts: what the last one was at goes on no more.
pub(super) fn interrupt(db: &Connection, now: Timestamp) -> Result<(), StoreError> {
    let update = "UPDATE jobs SET state = ?1, ended_at = ?2 WHERE ended_at IS NULL";
    db.execute(update, params![word(JobState::Interrupted), now.ms()])?;
    Ok(())
}

/// Forgets what ended long ago.
pub(super) fn forget_jobs(db: &Connection, before: Timestamp) -> Result<u64, StoreError> {
    Ok(db.prepare_cached("DELETE FROM jobs WHERE ended_at < ?1")?.execute([before.ms()])? as u64)
}

fn word(state: JobState) -> &'static str {
    match state {
        JobState::Running => "running",
        JobState::Done => "done",
        JobState::Broken => "broken",
        JobState::Interrupted => "interrupted",
    }
}

fn state_of(word: &str) -> JobState {
    match word {
        "running" => JobState::Running,
        "done" => JobState::Done,
        "interrupted" => JobState::Interrupted,
        _ => JobState::Broken,
    }
}
