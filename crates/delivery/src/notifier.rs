use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use async_trait::async_trait;
use gancho_model::{DeliveryId, EndpointId, Environment, Health, MonoTime, Priority};
use gancho_store::{Claimed, DeliveryNotifier, Due};
use tokio::sync::Notify;

use crate::{scheduler::Scheduler, unrecorded::Unrecorded};

/// The scheduler, shared by the store's thread and the engine's tasks, and the engine's wake-up.
pub(crate) struct Shared {
    scheduler: Mutex<Scheduler>,
    pub wake: Notify,
    pub endpoints_stale: AtomicBool,
    /// Endpoints are being loaded: changes meanwhile may be missing from the result.
    pub endpoints_read: AtomicBool,
    /// Ended attempts that are not recorded yet.
    pub unrecorded: Unrecorded,
    pub environment: Arc<dyn Environment>,
}

impl Shared {
    pub fn new(scheduler: Scheduler, environment: Arc<dyn Environment>) -> Self {
        Self {
            scheduler: Mutex::new(scheduler),
            wake: Notify::new(),
            endpoints_stale: AtomicBool::new(true),
            endpoints_read: AtomicBool::new(false),
            unrecorded: Unrecorded::new(),
            environment,
        }
    }

    /// Held briefly; never across an await.
    pub fn scheduler(&self) -> MutexGuard<'_, Scheduler> {
        self.scheduler.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl DeliveryNotifier for Shared {
    fn reserve(&self, endpoint: EndpointId, now: MonoTime) -> Option<MonoTime> {
        self.scheduler().reserve(endpoint, now)
    }

    fn enqueue(&self, claimed: Vec<Claimed>) {
        self.scheduler().enqueue(claimed, self.environment.mono());
        self.wake.notify_one();
    }

    fn cancel_reservation(&self, endpoint: EndpointId) {
        self.scheduler().cancel_reservation(endpoint);
        self.wake.notify_one();
    }

    fn forget(&self, endpoint: EndpointId, delivery: DeliveryId) {
        self.scheduler().forget(endpoint, delivery);
        self.wake.notify_one();
    }

    fn due(&self, endpoint: EndpointId, lane: Priority, at: MonoTime) {
        self.scheduler().due(Due { endpoint, lane, at });
        self.wake.notify_one();
    }

    fn health_changed(&self, changed: Vec<(EndpointId, Health)>) {
        self.scheduler().set_health(changed, self.environment.mono());
        if self.endpoints_read.load(Ordering::Acquire) {
            self.endpoints_stale.store(true, Ordering::Release);
        }
        self.wake.notify_one();
    }

    fn endpoints_changed(&self) {
        self.endpoints_stale.store(true, Ordering::Release);
        self.wake.notify_one();
    }

    async fn settle(&self) {
        self.unrecorded.settle().await;
    }
}
