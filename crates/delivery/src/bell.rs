use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use gancho_model::{Ambient, DeliveryId, EndpointId, Lane, MonoTime};
use gancho_store::{Bell, Claimed, Due};
use tokio::sync::Notify;

use crate::window::Window;

/// The window as the store's thread and the engine's tasks share it, and what wakes the engine.
pub(crate) struct Shared {
    window: Mutex<Window>,
    pub wake: Notify,
    pub endpoints_stale: AtomicBool,
    pub ambient: Arc<dyn Ambient>,
}

impl Shared {
    pub fn new(window: Window, ambient: Arc<dyn Ambient>) -> Self {
        Self { window: Mutex::new(window), wake: Notify::new(), endpoints_stale: AtomicBool::new(true), ambient }
    }

    /// Held for a moment only; nothing is awaited under it.
    pub fn window(&self) -> MutexGuard<'_, Window> {
        self.window.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Bell for Shared {
    fn reserve(&self, endpoint: EndpointId, now: MonoTime) -> Option<MonoTime> {
        self.window().reserve(endpoint, now)
    }

    fn hand_over(&self, claimed: Vec<Claimed>) {
        self.window().hand_over(claimed, self.ambient.mono());
        self.wake.notify_one();
    }

    fn give_back(&self, endpoint: EndpointId) {
        self.window().give_back(endpoint);
        self.wake.notify_one();
    }

    fn forget(&self, endpoint: EndpointId, delivery: DeliveryId) {
        self.window().forget(endpoint, delivery);
        self.wake.notify_one();
    }

    fn due(&self, endpoint: EndpointId, lane: Lane, at: MonoTime) {
        self.window().due(Due { endpoint, lane, at });
        self.wake.notify_one();
    }

    fn endpoints_changed(&self) {
        self.endpoints_stale.store(true, Ordering::Release);
        self.wake.notify_one();
    }
}
