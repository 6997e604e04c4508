//! Jobs: their progress, and the outcomes of their deliveries.

use async_trait::async_trait;
use gancho_model::{DeliveryId, State, Timestamp};
use rusqlite::{Connection, OptionalExtension, params};

use super::{SqliteStore, rows};
use crate::{Job, JobCounts, JobState, JobStep, Jobs, NewJob, StoreError};

#[async_trait]
impl Jobs for SqliteStore {
    async fn begin_job(&self, job: NewJob, now: Timestamp) -> Result<u64, StoreError> {
        self.write(true, move |context| {
            let insert =
                "INSERT INTO jobs (about, total, sent, state, began_at, resume) VALUES (?1, ?2, 0, ?3, ?4, ?5)";
            let NewJob { about, total, resume } = &job;
            let params = params![about, total.cast_signed(), JobState::Running.as_str(), now.ms(), resume];
            context.db.prepare_cached(insert)?.execute(params)?;
            Ok(context.db.last_insert_rowid().unsigned_abs())
        })
        .await
    }

    async fn continue_job(&self, job: u64) -> Result<bool, StoreError> {
        self.write(true, move |context| {
            let update =
                "UPDATE jobs SET state = ?2, ended_at = NULL WHERE n = ?1 AND ended_at IS NOT NULL AND state <> ?3";
            let params = params![job.cast_signed(), JobState::Running.as_str(), JobState::Done.as_str()];
            Ok(context.db.prepare_cached(update)?.execute(params)? == 1)
        })
        .await
    }

    async fn end_job(&self, job: u64, state: JobState, now: Timestamp) -> Result<(), StoreError> {
        self.write(true, move |context| {
            let update = "UPDATE jobs SET state = ?2, ended_at = ?3 WHERE n = ?1";
            context.db.prepare_cached(update)?.execute(params![job.cast_signed(), state.as_str(), now.ms()])?;
            Ok(())
        })
        .await
    }

    async fn last_job(&self, about: &str) -> Result<Option<(Job, JobCounts)>, StoreError> {
        let about = about.to_owned();
        self.read(move |db| {
            let select =
                "SELECT n, total, sent, state, began_at, resume FROM jobs WHERE about = ?1 ORDER BY n DESC LIMIT 1";
            let found = db.prepare_cached(select)?.query_row([about], |row| {
                let count = |column: usize| row.get::<_, i64>(column).map(i64::unsigned_abs);
                let state = JobState::parse(&row.get::<_, String>(3)?);
                let began_at = Timestamp::from_ms(row.get(4)?);
                let (number, total, sent, resume) = (count(0)?, count(1)?, count(2)?, row.get(5)?);
                Ok(Job { number, total, sent, state, began_at, resume })
            });
            let Some(job) = found.optional()? else { return Ok(None) };
            let counts = counts(db, job.number)?;
            Ok(Some((job, counts)))
        })
        .await
    }
}

fn counts(db: &Connection, job: u64) -> Result<JobCounts, StoreError> {
    let mut select = db.prepare_cached("SELECT state, count(*) FROM deliveries WHERE job = ?1 GROUP BY state")?;
    let mut found = select.query([job.cast_signed()])?;
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

/// Adds to the number of deliveries sent, in the current transaction.
pub(super) fn add_sent(db: &Connection, job: Option<u64>, more: u64) -> Result<(), StoreError> {
    let Some(job) = job.filter(|_| more > 0) else { return Ok(()) };
    let update = "UPDATE jobs SET sent = sent + ?2 WHERE n = ?1";
    db.prepare_cached(update)?.execute([job.cast_signed(), more.cast_signed()])?;
    Ok(())
}

/// Records a step, in the current transaction.
pub(super) fn take_step(db: &Connection, step: &JobStep, sent: &[DeliveryId]) -> Result<(), StoreError> {
    let mut own = db.prepare_cached("UPDATE deliveries SET job = ?2 WHERE id = ?1")?;
    for delivery in sent {
        own.execute(params![delivery.bytes(), step.job.cast_signed()])?;
    }
    add_sent(db, Some(step.job), sent.len() as u64)?;
    let update = "UPDATE jobs SET resume = ?2 WHERE n = ?1";
    db.prepare_cached(update)?.execute(params![step.job.cast_signed(), step.resume])?;
    Ok(())
}

/// At the start of a process: marks the previous process's running jobs as interrupted.
pub(super) fn interrupt(db: &Connection, now: Timestamp) -> Result<(), StoreError> {
    let update = "UPDATE jobs SET state = ?1, ended_at = ?2 WHERE ended_at IS NULL";
    db.execute(update, params![JobState::Interrupted.as_str(), now.ms()])?;
    Ok(())
}

/// Removes old finished jobs.
pub(super) fn forget_jobs(db: &Connection, before: Timestamp) -> Result<u64, StoreError> {
    Ok(db.prepare_cached("DELETE FROM jobs WHERE ended_at < ?1")?.execute([before.ms()])? as u64)
}
