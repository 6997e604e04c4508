use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures_util::FutureExt;
use gancho_model::{
    Attempt, Environment, ErrorKind, Failure, HeaderLog, Moment, NodeId, Phases, Reply, Timestamp, decide,
    limits::Limits,
};
use gancho_store::{Claimed, Outcome, Store};
use tokio::{sync::mpsc, task::JoinError};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    attempt::{Made, attempt},
    client::Client,
    dispatcher::{Dispatcher, POLL},
    notifier::Shared,
    recorder::{self, Ended},
    scheduler::{Scheduler, SchedulerLimits, Target},
    upkeep,
};

/// Maximum outcomes waiting to be recorded; beyond it, ended attempts keep their slots.
const OUTCOMES_MAX: usize = 2048;
/// How long attempts may continue after a stop.
const GRACE: Duration = Duration::from_secs(30);
/// How long recording may continue if attempts did not end.
const RECORD_GRACE: Duration = Duration::from_secs(1);
/// Delay before an attempt is retried after a lack of resources.
const SHORTAGE_WAIT_MS: i64 = 1_000;
/// Delay after a failed call to the store.
const STORE_WAIT: Duration = Duration::from_millis(500);

/// Options of the engine.
#[derive(Clone, Copy, Debug)]
pub struct EngineOptions {
    /// The limits of CONTRACT §4.
    pub limits: Limits,
}

/// A part of the engine ended unexpectedly.
#[derive(Debug, thiserror::Error)]
#[error("its {part} stopped: {why}")]
pub struct EngineFailed {
    part: &'static str,
    why: String,
}

fn why(ended: Result<(), JoinError>) -> String {
    ended.map_or_else(|error| error.to_string(), |()| "it ended".to_owned())
}

/// The engine: a handle that is cheap to clone.
#[derive(Clone)]
pub struct Engine {
    dispatcher: Dispatcher,
    client: Arc<Client>,
    shared: Arc<Shared>,
    outcomes: mpsc::Sender<Ended>,
    attempts: TaskTracker,
}

impl Engine {
    /// Runs as this node until `stop`, then waits for attempts to end (at most 30 s) and records them.
    ///
    /// # Errors
    /// [`EngineFailed`] if a part of it ended unexpectedly: then nothing would be recorded or removed.
    pub async fn run(
        store: Arc<dyn Store>,
        node: NodeId,
        client: Arc<Client>,
        environment: Arc<dyn Environment>,
        options: EngineOptions,
        stop: CancellationToken,
    ) -> Result<(), EngineFailed> {
        let limits = SchedulerLimits {
            in_flight: options.limits.in_flight,
            in_flight_per_endpoint: options.limits.in_flight_per_endpoint,
        };
        let shared = Arc::new(Shared::new(Scheduler::new(limits), environment.clone()));
        take_over(&*store, node, &*environment, &stop).await;
        store.attach(shared.clone());
        let (outcomes, ended) = mpsc::channel(OUTCOMES_MAX);
        let mut recording = tokio::spawn(recorder::run(store.clone(), node, shared.clone(), ended));
        let mut upkeep =
            tokio::spawn(upkeep::run(store.clone(), node, environment, options.limits.retention_days, stop.clone()));
        let left = store.clone();
        let dispatcher = Dispatcher { store, node, shared: shared.clone() };
        let engine = Self { dispatcher, client, shared, outcomes, attempts: TaskTracker::new() };
        tokio::select! {
            () = engine.turn(&stop) => {}
            ended = &mut recording => return Err(EngineFailed { part: "recorder", why: why(ended) }),
            ended = &mut upkeep, if !stop.is_cancelled() => {
                // After a stop this task may end first.
                if !stop.is_cancelled() {
                    return Err(EngineFailed { part: "upkeep", why: why(ended) });
                }
            }
        }
        engine.shared.scheduler().close();
        engine.attempts.close();
        let ended = tokio::time::timeout(GRACE, engine.attempts.wait()).await.is_ok();
        if !ended {
            let left = engine.shared.scheduler().in_flight();
            tracing::warn!(left, "attempts did not end in time; they will be repeated");
        }
        drop(engine);
        // The last attempt drops the last sender; pending outcomes are recorded first.
        let _ = tokio::time::timeout(if ended { GRACE } else { RECORD_GRACE }, recording).await;
        if !upkeep.is_finished() {
            let _ = upkeep.await;
        }
        if let Err(error) = left.leave(node, ended).await {
            tracing::warn!(%error, "this node could not leave; other nodes wait until it expires");
        }
        Ok(())
    }

    /// Runs steps until the stop, each after a notification or at the next due time.
    async fn turn(&self, stop: &CancellationToken) {
        let mut poll = tokio::time::interval(POLL);
        loop {
            // Registered before the step, so that a notification in between is not lost.
            let rung = self.shared.wake.notified();
            fail::fail_point!("engine");
            let wait = match self.dispatcher.step(&mut |target, claimed| self.start(target, claimed)).await {
                Ok(wait) => wait,
                Err(error) => {
                    tracing::warn!(%error, "the store did not answer; trying again");
                    STORE_WAIT
                }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = rung => {}
                () = tokio::time::sleep(wait) => {}
                _ = poll.tick() => {
                    self.client.sweep();
                    self.dispatcher.look_around().await;
                }
            }
        }
    }

    /// Starts an attempt in its own task.
    fn start(&self, target: Arc<Target>, claimed: Claimed) {
        let engine = self.clone();
        self.attempts.spawn(async move { engine.deliver(target, claimed).await });
    }

    /// One attempt, from start to record.
    async fn deliver(self, target: Arc<Target>, claimed: Claimed) {
        let began_at = self.shared.environment.now();
        let made = match &target.url {
            Some(url) => {
                let attempt = attempt(&self.client, &target.endpoint, url, &claimed, began_at);
                let made = AssertUnwindSafe(attempt).catch_unwind().await;
                made.unwrap_or_else(|_| Made::Attempt(unsent(FAULT, &claimed, began_at), Reply::Nothing))
            }
            None => Made::Attempt(unsent(UNREADABLE, &claimed, began_at), Reply::Nothing),
        };
        let ended_at = self.shared.environment.moment();
        match made {
            Made::Attempt(attempt, reply) => {
                let (duration_ms, success) = (attempt.duration_ms, reply.is_success());
                let outcome = outcome_of(&target, &claimed, attempt, reply, ended_at, self.shared.environment.jitter());
                recorder::log_failure(&outcome, &target.endpoint.url);
                self.shared.scheduler().ended(&claimed, success);
                // Fails only if the recorder has ended, which outlives attempts.
                if let Ok(place) = self.outcomes.reserve().await {
                    self.shared.unrecorded.add();
                    place.send(Ended::new(outcome, &target.endpoint));
                }
                if self.shared.scheduler().finished(&claimed, duration_ms, ended_at.mono) {
                    self.shared.wake.notify_one();
                }
            }
            Made::Nothing(want) => {
                tracing::warn!(delivery = %claimed.id, endpoint = %claimed.endpoint, "no attempt was made: {want}");
                metrics::counter!("gancho_attempts_withdrawn_total").increment(1);
                self.shared.scheduler().withdraw(&claimed, ended_at.mono.plus_ms(SHORTAGE_WAIT_MS));
                self.shared.wake.notify_one();
            }
        }
        self.dispatcher.start_ready(&mut |target, claimed| self.start(target, claimed));
    }
}

/// The outcome to record for an ended attempt.
pub(crate) fn outcome_of(
    target: &Target,
    claimed: &Claimed,
    attempt: Attempt,
    reply: Reply,
    ended_at: Moment,
    jitter: f64,
) -> Outcome {
    let left = claimed.max_attempts.saturating_sub(claimed.attempts + 1);
    Outcome {
        delivery: claimed.id,
        handle: claimed.handle,
        endpoint: claimed.endpoint,
        lane: claimed.lane,
        lease_until: claimed.lease_until,
        max_attempts: claimed.max_attempts,
        verdict: decide(reply, left, &target.endpoint.retry, ended_at.mono, jitter),
        url: target.address.clone(),
        gone: reply.is_gone(),
        attempt,
        ended_at,
        jitter,
        probe_request: target.endpoint.health.probe_requests,
    }
}

/// Frees and reschedules what dead processes left; retries until the store responds.
async fn take_over(store: &dyn Store, node: NodeId, environment: &dyn Environment, stop: &CancellationToken) {
    while !stop.is_cancelled() {
        match store.take_over(node, environment.mono()).await {
            Ok(0) => return,
            Ok(freed) => {
                tracing::info!(freed, "took over deliveries that were under way when the last run ended");
                return;
            }
            Err(error) => tracing::warn!(%error, "leases of the last run can't be freed; retrying"),
        }
        tokio::time::sleep(STORE_WAIT).await;
    }
}

/// Why nothing can be sent.
const UNREADABLE: &str = "the webhook's URL can't be read: change it";
/// After a panic: the delivery must neither keep its slot nor be repeated forever.
const FAULT: &str = "Gancho failed while making the attempt: please report it with the log";

/// A delivery that can't be sent counts as a failed attempt.
fn unsent(message: &str, claimed: &Claimed, at: Timestamp) -> Attempt {
    let message = message.to_owned();
    Attempt {
        n: claimed.attempts + 1,
        at,
        duration_ms: 0,
        phases: Phases::default(),
        status_code: None,
        error: Some(Failure { kind: ErrorKind::Connect, message }),
        request_headers: HeaderLog::default(),
        response_headers: HeaderLog::default(),
        response_body: String::new(),
        response_truncated: false,
    }
}
