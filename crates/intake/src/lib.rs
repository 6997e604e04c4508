//! Changes and events come in: repeats are recognised, changes understood, bodies rendered once,
//! and everything of one request is kept together or not at all.

mod changes;
mod error;
mod events;
mod minds;
mod repeats;

use std::sync::Arc;

use gancho_model::{Ambient, limits::Limits};
use gancho_store::Store;

pub use changes::{ChangesAnswer, SubmittedChange};
pub use error::IntakeError;
pub use events::SubmittedEvent;
pub use repeats::{Digest, RequestKey, digest};

/// Where everything comes in.
pub struct Intake {
    store: Arc<dyn Store>,
    ambient: Arc<dyn Ambient>,
    limits: Limits,
    minds: minds::Minds,
}

impl Intake {
    /// Takes in for this store.
    pub fn new(store: Arc<dyn Store>, ambient: Arc<dyn Ambient>, limits: Limits) -> Self {
        Self { minds: minds::Minds::default(), store, ambient, limits }
    }

    /// The time now, for those who only have an intake.
    pub fn now(&self) -> gancho_model::Timestamp {
        self.ambient.now()
    }
}
