//! Changes and events come in: repeats are recognised, changes understood, bodies rendered once,
//! and everything of one request is kept together or not at all.

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

/// How often deliveries are planned again because endpoints changed.
const STALE_MAX: usize = 20;

/// Where everything comes in.
pub struct Intake {
    store: Arc<dyn Store>,
    environment: Arc<dyn Environment>,
    limits: Limits,
    caches: source_cache::SourceCaches,
}

impl Intake {
    /// Takes in for this store.
    pub fn new(store: Arc<dyn Store>, environment: Arc<dyn Environment>, limits: Limits) -> Self {
        Self { caches: source_cache::SourceCaches::default(), store, environment, limits }
    }

    /// Plans the deliveries of a submission's events and keeps all of it. Where endpoints change meanwhile, it is planned
    /// again: conditions and templates are worked out here, never inside the store's transaction.
    pub(crate) async fn submit(&self, mut submission: Submission) -> Result<Accepted, IntakeError> {
        for _ in 0..STALE_MAX {
            let snapshot = self.store.endpoint_snapshot().await?;
            let customers = customers::known(&*self.store, &submission, &snapshot).await?;
            let shared = Arc::new(submission.planned(&snapshot, self.limits.event_bytes, &customers));
            match self.store.accept(shared.clone()).await? {
                // Nobody else has it any more: the store has answered.
                Accepted::Stale => submission = Arc::unwrap_or_clone(shared),
                accepted => return Ok(accepted),
            }
        }
        Err(IntakeError::Store(StoreError::Busy("webhooks are being changed all the time".into())))
    }

    /// The monotonic time now, for those who only have an intake.
    pub fn mono(&self) -> gancho_model::MonoTime {
        self.environment.mono()
    }

    /// The time now, for those who only have an intake.
    pub fn now(&self) -> gancho_model::Timestamp {
        self.environment.now()
    }
}
