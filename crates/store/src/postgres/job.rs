//! Jobs: their progress, and the outcomes of their deliveries.

use async_trait::async_trait;
use gancho_model::{DeliveryId, State, Timestamp};
use sqlx::Row as _;

use super::{Db, PostgresStore, rows};
use crate::{Job, JobCounts, JobState, JobStep, Jobs, NewJob, StoreError, stored::state_of};

#[async_trait]
impl Jobs for PostgresStore {
    async fn begin_job(&self, job: NewJob, now: Timestamp) -> Result<u64, StoreError> {
        self.write(true, async move |context| {
            let insert = "INSERT INTO jobs (about, total, sent, state, node, began_at, resume) \
                VALUES ($1, $2, 0, $3, $4, $5, $6) RETURNING n";
            let (total, state, node) = (job.total.cast_signed(), JobState::Running.as_str(), context.node_bytes());
            let about = job.about.as_str();
            let n = scalar!(&mut context.db, i64, insert, about, total, state, node, now.ms(), job.resume.as_deref());
            Ok(n.unwrap_or_default().unsigned_abs())
        })
        .await
    }

    async fn continue_job(&self, job: u64) -> Result<bool, StoreError> {
        self.write(true, async move |context| {
            let update = "UPDATE jobs SET state = $2, ended_at = NULL, node = $4 \
                WHERE n = $1 AND ended_at IS NOT NULL AND state <> $3";
            let node = context.node_bytes();
            let words = (JobState::Running.as_str(), JobState::Done.as_str());
            Ok(run!(&mut context.db, update, job.cast_signed(), words.0, words.1, node) == 1)
        })
        .await
    }

    async fn end_job(&self, job: u64, state: JobState, now: Timestamp) -> Result<(), StoreError> {
        self.write(true, async move |context| {
            // Another node may have taken it over while this one was frozen.
            let update = "UPDATE jobs SET state = $2, ended_at = $3 WHERE n = $1 AND node IS NOT DISTINCT FROM $4";
            run!(&mut context.db, update, job.cast_signed(), state.as_str(), now.ms(), context.node_bytes());
            Ok(())
        })
        .await
    }

    async fn last_job(&self, about: &str) -> Result<Option<(Job, JobCounts)>, StoreError> {
        let mut db = self.read().await?;
        let select =
            "SELECT n, total, sent, state, began_at, resume FROM jobs WHERE about = $1 ORDER BY n DESC LIMIT 1";
        let Some(row) = first!(db, select, about) else { return Ok(None) };
        let state: String = row.try_get(3)?;
        let job = Job {
            number: rows::count(&row, 0)?,
            total: rows::count(&row, 1)?,
            sent: rows::count(&row, 2)?,
            state: JobState::parse(&state),
            began_at: rows::time(&row, 4)?,
            resume: row.try_get(5)?,
        };
        let counts = counts(&mut db, job.number).await?;
        Ok(Some((job, counts)))
    }
}

async fn counts(db: &mut Db, job: u64) -> Result<JobCounts, StoreError> {
    let select = "SELECT state, count(*) FROM deliveries WHERE job = $1 GROUP BY state";
    let mut counts = JobCounts::default();
    for row in all!(db, select, job.cast_signed()) {
        let count = rows::count(&row, 1)?;
        match state_of(row.try_get(0)?)? {
            State::Delivered => counts.delivered += count,
            State::Pending => counts.waiting += count,
            State::Failed | State::Cancelled | State::Skipped => counts.failed += count,
        }
    }
    Ok(counts)
}

/// Adds to the number of deliveries sent, in the current transaction.
pub(super) async fn add_sent(db: &mut Db, job: Option<u64>, more: u64) -> Result<(), StoreError> {
    if let Some(job) = job.filter(|_| more > 0) {
        run!(db, "UPDATE jobs SET sent = sent + $2 WHERE n = $1", job.cast_signed(), more.cast_signed());
    }
    Ok(())
}

/// Records a step of this node's job, in the current transaction.
pub(super) async fn take_step(
    db: &mut Db,
    step: &JobStep,
    sent: &[DeliveryId],
    node: Option<Vec<u8>>,
) -> Result<(), StoreError> {
    let ids: Vec<Vec<u8>> = sent.iter().map(|id| id.bytes().to_vec()).collect();
    run!(db, "UPDATE deliveries SET job = $2 WHERE id = ANY($1)", ids, step.job.cast_signed());
    add_sent(db, Some(step.job), sent.len() as u64).await?;
    let update = "UPDATE jobs SET resume = $2 WHERE n = $1 AND node IS NOT DISTINCT FROM $3";
    match run!(db, update, step.job.cast_signed(), &step.resume, node) {
        1 => Ok(()),
        _ => Err(StoreError::Broken("another node continues the job".into())),
    }
}

/// Marks the jobs of dead nodes as interrupted.
pub(super) async fn interrupt(db: &mut Db, now: Timestamp) -> Result<(), StoreError> {
    let update = "UPDATE jobs SET state = $1, ended_at = $2 \
        WHERE ended_at IS NULL AND (node IS NULL OR node NOT IN (SELECT id FROM nodes))";
    run!(db, update, JobState::Interrupted.as_str(), now.ms());
    Ok(())
}

/// Removes old finished jobs.
pub(super) async fn forget_jobs(db: &mut Db, before: Timestamp) -> Result<u64, StoreError> {
    Ok(run!(db, "DELETE FROM jobs WHERE ended_at < $1", before.ms()))
}
