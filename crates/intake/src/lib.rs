//! Changes and events come in: repeats are recognised, changes understood, bodies rendered once,
//! and everything of one request is kept together or not at all.

mod changes;
mod error;
mod events;
mod idempotency;
mod source_cache;

use std::sync::Arc;

use gancho_model::{Environment, limits::Limits};
use gancho_store::Store;

pub use changes::{ChangesAnswer, SubmittedChange};
pub use error::IntakeError;
pub use events::SubmittedEvent;
pub use idempotency::{Digest, RequestIdempotency, digest};

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

    /// The time now, for those who only have an intake.
    pub fn now(&self) -> gancho_model::Timestamp {
        self.environment.now()
    }
}
