//! One step of delivering: read endpoints that changed, claim what is due, start what may start, give back what can't.
//! What starting an attempt means is the caller's: the engine spawns a task, the simulation takes a note.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use gancho_model::{MonoTime, NodeId};
use gancho_store::{Claimed, Claims, Due, Release, Store, StoreError, Want};

use crate::{notifier::Shared, scheduler::Target};

/// How often the store is asked what is due although nobody notified us.
pub(crate) const POLL: Duration = Duration::from_secs(10);

/// Takes deliveries from the store to their attempts.
#[derive(Clone)]
pub(crate) struct Dispatcher {
    pub store: Arc<dyn Store>,
    /// Who claims.
    pub node: NodeId,
    pub shared: Arc<Shared>,
}

impl Dispatcher {
    /// One step. Says how long to wait until the next, if nothing happens before.
    pub async fn step(&self, start: &mut (dyn FnMut(Arc<Target>, Claimed) + Send)) -> Result<Duration, StoreError> {
        if self.shared.endpoints_stale.swap(false, Ordering::AcqRel) {
            self.shared.endpoints_read.store(true, Ordering::Release);
            let read = self.store.all_endpoints().await;
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

    /// Starts what may start, unless endpoints are to be read again first: one may have been paused, or be failing now.
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

    /// Gives leases back that nothing can be done with now.
    async fn release(&self) {
        let leases = self.shared.scheduler().take_released();
        if leases.is_empty() {
            return;
        }
        if let Err(error) = self.store.release(self.node, leases.clone()).await {
            tracing::warn!(%error, "leases can't be given back; they end by themselves");
            let mut scheduler = self.shared.scheduler();
            for Release { endpoint, lane, lease_until, .. } in leases {
                scheduler.due(Due { endpoint, lane, at: lease_until });
            }
        }
    }

    /// What a lost notification would have said.
    pub async fn look_around(&self) {
        match self.store.due().await {
            Ok(due) => {
                let mut scheduler = self.shared.scheduler();
                due.into_iter().for_each(|due| scheduler.due(due));
            }
            Err(error) => tracing::warn!(%error, "the store did not say what is due; trying again"),
        }
    }

    fn now(&self) -> MonoTime {
        self.shared.environment.mono()
    }
}
