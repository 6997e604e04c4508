//! A node's only writer, with group commit: jobs that wait during a flush share the next transaction.

use std::{future::Future, pin::Pin, thread::JoinHandle};

use tokio::sync::{mpsc, oneshot};

use super::{OpenError, begin::PATIENCE, is_rivalry, membership, write_context::WriteContext};
use crate::StoreError;

/// Maximum jobs in one transaction.
const GROUP_MAX: usize = 256;
/// Maximum tries of a job that conflicts with another node's.
const TRIES: usize = 5;

pub(super) struct Writer {
    /// `None` once it is closing.
    jobs: Option<mpsc::Sender<Box<dyn Job>>>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // Its panic was logged.
            let _ = thread.join();
        }
    }
}

impl Writer {
    /// Starts the writer on its own thread, where its state is created: nothing else uses it, and it is borrowed across
    /// awaits.
    ///
    /// # Errors
    /// The reason why its state could not be created.
    pub async fn start(
        context: impl AsyncFnOnce() -> Result<WriteContext, OpenError> + Send + 'static,
        queue: usize,
    ) -> Result<Self, OpenError> {
        let (jobs, waiting) = mpsc::channel(queue);
        let (made, ready) = oneshot::channel();
        // The future is created on its thread: it need not be `Send`.
        let work = move || async move {
            match context().await {
                Ok(context) => {
                    let _ = made.send(Ok(()));
                    write_groups(context, waiting).await;
                }
                Err(error) => drop(made.send(Err(error))),
            }
        };
        let thread = std::thread::Builder::new()
            .name("store-writer".into())
            .spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                runtime.expect("the system starts a runtime").block_on(work());
            })
            .expect("the system starts a thread");
        ready.await.map_err(|_| OpenError::Unusable("its writer could not start".into()))??;
        Ok(Self { jobs: Some(jobs), thread: Some(thread) })
    }

    pub async fn write<T: Send + 'static>(
        &self,
        durable: bool,
        work: impl AsyncFnMut(&mut WriteContext) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        let job = Work { work, durable, result: None, reply };
        let closed = || StoreError::Busy("it is closing".into());
        self.jobs.as_ref().ok_or_else(closed)?.try_send(Box::new(job)).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => StoreError::Busy("too many requests wait for the database".into()),
            mpsc::error::TrySendError::Closed(_) => StoreError::Broken("the writer has stopped".into()),
        })?;
        answer.await.map_err(|_| StoreError::Broken("the writer has stopped".into()))?
    }
}

type Running<'a> = Pin<Box<dyn Future<Output = Result<(), StoreError>> + 'a>>;

/// A job of the writer.
trait Job: Send {
    fn is_durable(&self) -> bool;
    /// Runs the job. Refusals (not found, conflict) happen before any write and don't affect the group; any other error
    /// rolls back the whole group.
    fn run<'a>(&'a mut self, context: &'a mut WriteContext) -> Running<'a>;
    /// Sends the result: the job's own after a commit, or the reason for the rollback.
    fn finish(self: Box<Self>, outcome: Result<(), StoreError>);
}

struct Work<F, T> {
    work: F,
    durable: bool,
    result: Option<Result<T, StoreError>>,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

impl<T: Send, F: AsyncFnMut(&mut WriteContext) -> Result<T, StoreError> + Send> Job for Work<F, T> {
    fn is_durable(&self) -> bool {
        self.durable
    }

    fn run<'a>(&'a mut self, context: &'a mut WriteContext) -> Running<'a> {
        Box::pin(async move {
            match (self.work)(context).await {
                Err(error @ (StoreError::Busy(_) | StoreError::Broken(_))) => Err(error),
                result => {
                    self.result = Some(result);
                    Ok(())
                }
            }
        })
    }

    fn finish(self: Box<Self>, outcome: Result<(), StoreError>) {
        let Self { result, reply, .. } = *self;
        let missing = || Err(StoreError::Broken("the work did not run".into()));
        // The caller may have stopped waiting: the job is done anyway.
        let _ = reply.send(outcome.and_then(|()| result.unwrap_or_else(missing)));
    }
}

async fn write_groups(mut context: WriteContext, mut waiting: mpsc::Receiver<Box<dyn Job>>) {
    while let Some(first) = waiting.recv().await {
        let mut group = vec![first];
        while group.len() < GROUP_MAX
            && let Ok(job) = waiting.try_recv()
        {
            group.push(job);
        }
        fail::fail_point!("store-writer");
        commit(&mut context, group).await;
    }
}

/// Commits a group. If a job makes it fail, each is retried alone, so that none fails because of another.
async fn commit(context: &mut WriteContext, mut group: Vec<Box<dyn Job>>) {
    let outcome = try_commit(context, &mut group).await;
    match outcome {
        // Alone, each would wait for a database that does not respond.
        Err(_) if context.is_lost() => finish(context, group, &outcome).await,
        Err(error) if group.len() > 1 => {
            tracing::warn!(%error, jobs = group.len(), "a group of writes failed; trying each alone");
            for job in group {
                commit_one(context, job).await;
            }
        }
        Err(error) if is_rivalry(&error) => {
            for job in group {
                commit_one(context, job).await;
            }
        }
        outcome => finish(context, group, &outcome).await,
    }
}

/// Commits one job, and retries while it conflicts with other nodes'.
async fn commit_one(context: &mut WriteContext, job: Box<dyn Job>) {
    let mut group = vec![job];
    let mut outcome = Ok(());
    for _ in 0..TRIES {
        outcome = try_commit(context, &mut group).await;
        if !outcome.as_ref().is_err_and(is_rivalry) {
            break;
        }
    }
    finish(context, group, &outcome).await;
}

async fn finish(context: &mut WriteContext, group: Vec<Box<dyn Job>>, outcome: &Result<(), StoreError>) {
    if outcome.is_ok() {
        // Notify the engine first: callers that get a response find it notified.
        context.notify().await;
    }
    group.into_iter().for_each(|job| job.finish(outcome.clone()));
}

async fn try_commit(context: &mut WriteContext, group: &mut [Box<dyn Job>]) -> Result<(), StoreError> {
    let began = tokio::time::Instant::now();
    let done = tokio::time::timeout(PATIENCE, run_all(context, group)).await.unwrap_or_else(|_| {
        context.give_up();
        Err(StoreError::Busy("the database doesn't answer".into()))
    });
    if done.is_err() {
        context.roll_back().await;
    }
    metrics::histogram!("gancho_commit_size").record(group.len() as f64);
    metrics::histogram!("gancho_commit_seconds").record(began.elapsed().as_secs_f64());
    done
}

async fn run_all(context: &mut WriteContext, group: &mut [Box<dyn Job>]) -> Result<(), StoreError> {
    context.begin(group.iter().any(|job| job.is_durable())).await?;
    membership::heartbeat(context).await?;
    for job in group {
        job.run(context).await?;
    }
    context.commit().await
}
