//! The only writer, with group commit: jobs that wait during a flush share the next transaction.

use std::{
    sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    thread::JoinHandle,
    time::Duration,
};

use tokio::sync::oneshot;

use super::write_context::WriteContext;
use crate::StoreError;

/// Maximum jobs in one transaction.
const GROUP_MAX: usize = 256;
/// A group of this size indicates many writers: the next one waits for more jobs as long as some arrive. A commit costs
/// the same pages for ten events or a hundred.
const CROWD: usize = 8;
/// Interval between checks for more jobs, and maximum checks.
const LINGER: Duration = Duration::from_micros(500);
const LINGERS: u32 = 4;

pub(super) struct Writer {
    /// `None` once it is closing.
    jobs: Option<SyncSender<Box<dyn Job>>>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Writer {
    /// Commits waiting jobs and closes the database, so that its file alone is complete.
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // Its panic was logged.
            let _ = thread.join();
        }
    }
}

impl Writer {
    pub fn start(context: WriteContext, queue: usize) -> Self {
        let (jobs, waiting) = sync_channel(queue);
        let thread = std::thread::Builder::new()
            .name("store-writer".into())
            .spawn(move || write_groups(context, &waiting))
            .expect("the system starts a thread");
        Self { jobs: Some(jobs), thread: Some(thread) }
    }

    pub async fn write<T: Send + 'static>(
        &self,
        durable: bool,
        work: impl FnMut(&mut WriteContext) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        let job = Work { work, durable, result: None, reply };
        let closed = || StoreError::Busy("it is closing".into());
        self.jobs.as_ref().ok_or_else(closed)?.try_send(Box::new(job)).map_err(|error| match error {
            TrySendError::Full(_) => StoreError::Busy("too many requests wait for the disk".into()),
            TrySendError::Disconnected(_) => StoreError::Broken("the writer has stopped".into()),
        })?;
        answer.await.map_err(|_| StoreError::Broken("the writer has stopped".into()))?
    }
}

/// A job of the writer.
trait Job: Send {
    fn is_durable(&self) -> bool;
    /// Runs the job. Refusals (not found, conflict) happen before any write and don't affect the group; any other error
    /// rolls back the whole group.
    fn run(&mut self, context: &mut WriteContext) -> Result<(), StoreError>;
    /// Sends the result: the job's own after a commit, or the reason for the rollback.
    fn finish(self: Box<Self>, outcome: Result<(), StoreError>);
}

struct Work<F, T> {
    work: F,
    durable: bool,
    result: Option<Result<T, StoreError>>,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

impl<T: Send, F: FnMut(&mut WriteContext) -> Result<T, StoreError> + Send> Job for Work<F, T> {
    fn is_durable(&self) -> bool {
        self.durable
    }

    fn run(&mut self, context: &mut WriteContext) -> Result<(), StoreError> {
        match (self.work)(context) {
            Err(error @ (StoreError::Busy(_) | StoreError::Broken(_))) => Err(error),
            result => {
                self.result = Some(result);
                Ok(())
            }
        }
    }

    fn finish(self: Box<Self>, outcome: Result<(), StoreError>) {
        let Self { result, reply, .. } = *self;
        let missing = || Err(StoreError::Broken("the work did not run".into()));
        // The caller may have stopped waiting: the job is done anyway.
        let _ = reply.send(outcome.and_then(|()| result.unwrap_or_else(missing)));
    }
}

fn write_groups(mut context: WriteContext, waiting: &Receiver<Box<dyn Job>>) {
    let mut crowded = false;
    while let Ok(first) = waiting.recv() {
        let mut group = vec![first];
        for _ in 0..if crowded { LINGERS } else { 0 } {
            let before = group.len();
            std::thread::sleep(LINGER);
            take_waiting(&mut group, waiting);
            if group.len() == before || group.len() == GROUP_MAX {
                break;
            }
        }
        take_waiting(&mut group, waiting);
        crowded = group.len() >= CROWD;
        fail::fail_point!("store-writer");
        commit(&mut context, group);
    }
}

fn take_waiting(group: &mut Vec<Box<dyn Job>>, waiting: &Receiver<Box<dyn Job>>) {
    group.extend(waiting.try_iter().take(GROUP_MAX - group.len()));
}

/// Commits a group. If a job makes it fail, each is retried alone, so that none fails because of another.
fn commit(context: &mut WriteContext, mut group: Vec<Box<dyn Job>>) {
    let began = tokio::time::Instant::now();
    let begun = context.begin(group.iter().any(|job| job.is_durable()));
    let outcome = begun.clone().and_then(|()| try_commit(context, &mut group));
    match outcome {
        Err(error) if begun.is_ok() && group.len() > 1 => {
            tracing::warn!(%error, jobs = group.len(), "a group of writes failed; trying each alone");
            for job in group {
                commit(context, vec![job]);
            }
        }
        outcome => {
            metrics::histogram!("gancho_commit_size").record(group.len() as f64);
            metrics::histogram!("gancho_commit_seconds").record(began.elapsed().as_secs_f64());
            // Notify the engine first: callers that get a response find it notified.
            context.notify();
            group.into_iter().for_each(|job| job.finish(outcome.clone()));
        }
    }
}

fn try_commit(context: &mut WriteContext, group: &mut [Box<dyn Job>]) -> Result<(), StoreError> {
    let done = group.iter_mut().try_for_each(|job| job.run(context)).and_then(|()| context.commit());
    if done.is_err() {
        context.roll_back();
    }
    done
}
