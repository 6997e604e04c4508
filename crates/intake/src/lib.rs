//! Accepts changes and events: recognises repeats, interprets changes, renders bodies once, and stores everything of a
//! request atomically.

mod changes;
mod customers;
mod error;
mod events;
mod idempotency;
mod source_cache;

use std::sync::Arc;

use gancho_model::{Environment, limits::Limits};
use gancho_store::{Accepted, Store, StoreError, Submission};

pub use changes::{ChangesAnswer, SubmittedChange};
pub use error::IntakeError;
pub use events::SubmittedEvent;
pub use idempotency::{Digest, RequestIdempotency, digest};

/// Maximum replans because of changed endpoints.
const STALE_MAX: usize = 20;

/// Accepts changes and events.
pub struct Intake {
    store: Arc<dyn Store>,
    environment: Arc<dyn Environment>,
    limits: Limits,
    caches: source_cache::SourceCaches,
}

impl Intake {
    /// An intake for this store.
    pub fn new(store: Arc<dyn Store>, environment: Arc<dyn Environment>, limits: Limits) -> Self {
        Self { caches: source_cache::SourceCaches::default(), store, environment, limits }
    }

    /// Plans the deliveries of a submission's events and stores everything. If endpoints change meanwhile, it plans
    /// again: conditions and templates are evaluated here, never inside the store's transaction.
    pub(crate) async fn submit(&self, mut submission: Submission) -> Result<Accepted, IntakeError> {
        for _ in 0..STALE_MAX {
            let snapshot = self.store.endpoint_snapshot().await?;
            let customers = customers::known(&*self.store, &submission, &snapshot).await?;
            let shared = Arc::new(submission.planned(&snapshot, self.limits.event_bytes, &customers));
            match self.store.accept(shared.clone()).await? {
                // The store has released its reference.
                Accepted::Stale => submission = Arc::unwrap_or_clone(shared),
                accepted => return Ok(accepted),
            }
        }
        Err(IntakeError::Store(StoreError::Busy("webhooks are being changed all the time".into())))
    }

    /// The monotonic time.
    pub fn mono(&self) -> gancho_model::MonoTime {
        self.environment.mono()
    }

    /// The wall time.
    pub fn now(&self) -> gancho_model::Timestamp {
        self.environment.now()
    }
}
