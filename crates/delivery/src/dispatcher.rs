//! One step of the engine: load changed endpoints, claim due deliveries, start attempts, release the rest. The caller
//! defines how to start an attempt: the engine spawns a task, the simulation records it.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use gancho_model::{MonoTime, NodeId};
use gancho_store::{Claimed, Claims, Due, Release, Store, StoreError, Want};

use tokio::time::timeout;

use crate::{notifier::Shared, scheduler::Target};

/// Interval of polling the store for due deliveries without notifications.
pub(crate) const POLL: Duration = Duration::from_secs(10);

/// Timeout of reading the endpoints.
const READ_MAX: Duration = Duration::from_secs(30);

/// Moves deliveries from the store to their attempts.
#[derive(Clone)]
pub(crate) struct Dispatcher {
    pub store: Arc<dyn Store>,
    /// The claiming node.
    pub node: NodeId,
    pub shared: Arc<Shared>,
}

impl Dispatcher {
    /// One step. Returns how long to wait for the next without notifications.
    pub async fn step(&self, start: &mut (dyn FnMut(Arc<Target>, Claimed) + Send)) -> Result<Duration, StoreError> {
        if self.shared.endpoints_stale.swap(false, Ordering::AcqRel) {
            self.shared.endpoints_read.store(true, Ordering::Release);
            // Over a connection that died without a word it would wait for many minutes.
            let read = timeout(READ_MAX, self.store.all_endpoints()).await;
            let read = read.unwrap_or_else(|_| Err(StoreError::Busy("the endpoints can't be read in time".into())));
            let endpoints = read.inspect_err(|_| self.shared.endpoints_stale.store(true, Ordering::Release))?;
            self.shared.scheduler().set_endpoints(endpoints, self.now());
            self.shared.endpoints_read.store(false, Ordering::Release);
        }
        self.start_ready(start);
        self.release().await;
        let wants = self.shared.scheduler().wants(self.now());
        if !wants.is_empty() {
            self.claim(wants).await?;
            self.start_ready(start);
        }
        let now = self.now();
        self.shared.scheduler().mark_all(now);
        self.start_ready(start);
        self.release().await;
        let next = self.shared.scheduler().next_wake(now);
        let wait_ms = next.map_or(i64::MAX, |at| at.since_ms(now));
        Ok(Duration::from_millis(u64::try_from(wait_ms).unwrap_or(0)).min(POLL))
    }

    /// Starts what may start, unless endpoints must be reloaded first: one may be paused or failing now.
    pub fn start_ready(&self, start: &mut (dyn FnMut(Arc<Target>, Claimed) + Send)) {
        while !self.shared.endpoints_stale.load(Ordering::Acquire) {
            let ready = self.shared.scheduler().start(self.now());
            let Some((target, claimed)) = ready else { return };
            start(target, claimed);
        }
    }

    async fn claim(&self, wants: Vec<Want>) -> Result<(), StoreError> {
        let claims = self.store.claim(self.node, wants.clone(), self.now()).await;
        let now = self.now();
        match claims {
            Ok(claims) => {
                self.shared.scheduler().claimed(&wants, claims, now);
                Ok(())
            }
            Err(error) => {
                let again = wants.iter().map(|want| Due { endpoint: want.endpoint, lane: want.lane, at: now });
                let claims = Claims { claimed: vec![], due: again.collect() };
                self.shared.scheduler().claimed(&wants, claims, now);
                Err(error)
            }
        }
    }

    /// Releases leases that can't be used now.
    async fn release(&self) {
        let leases = self.shared.scheduler().take_released();
        if leases.is_empty() {
            return;
        }
        if let Err(error) = self.store.release(self.node, leases.clone()).await {
            tracing::warn!(%error, "leases can't be released; they will expire");
            let mut scheduler = self.shared.scheduler();
            for Release { endpoint, lane, lease_until, .. } in leases {
                scheduler.due(Due { endpoint, lane, at: lease_until });
            }
        }
    }

    /// Polls due deliveries, in case a notification was lost.
    pub async fn look_around(&self) {
        match self.store.due().await {
            Ok(due) => {
                let mut scheduler = self.shared.scheduler();
                due.into_iter().for_each(|due| scheduler.due(due));
            }
            Err(error) => tracing::warn!(%error, "due deliveries can't be read from the store; retrying"),
        }
    }

    fn now(&self) -> MonoTime {
        self.shared.environment.mono()
    }
}
