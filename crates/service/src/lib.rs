//! What people and programs do with Gancho: one file an act, each with typed input, its validation and its entry in the
//! history. API handlers, pages and commands call these and decide nothing themselves.

pub mod account;
mod audit;
pub mod change;
pub mod consumer;
mod delivery;
pub mod endpoint;
mod error;
pub mod event;
pub mod input;
pub mod job;
pub mod listener;
pub mod mail;
pub mod outbox;
pub mod personal_data;
mod ports;
pub mod request_bin;
pub mod search;
pub mod source;
mod source_control;

use std::sync::Arc;

use gancho_intake::Intake;
use gancho_model::{Environment, address::Allowed, limits::Limits};
use gancho_store::Store;

pub use account::Accounts;
pub use audit::Audit;
pub use error::{ServiceError, ServiceResult};
pub use ports::{Finding, Mailing, Probing};
pub use source_control::{Pace, RecordPage, Refused, Shown, SourceControl, SourceStatus};

use input::Rules;

/// What the use cases work with.
#[derive(Clone)]
pub struct Parts {
    /// Where things rest.
    pub store: Arc<dyn Store>,
    /// Where things come in.
    pub intake: Arc<Intake>,
    /// What watches ERPs.
    pub sources: Arc<dyn SourceControl>,
    /// What looks whether a URL can be reached.
    pub probing: Arc<dyn Probing>,
    /// What sends mail.
    pub mailing: Arc<dyn Mailing>,
    /// Time and chance.
    pub environment: Arc<dyn Environment>,
}

/// The use cases. What is only looked at is read from the store itself.
pub struct Services {
    /// Where things rest.
    pub store: Arc<dyn Store>,
    /// What watches ERPs.
    pub sources: Arc<dyn SourceControl>,
    /// What looks whether a URL can be reached.
    pub probing: Arc<dyn Probing>,
    /// What sends mail.
    pub mailing: Arc<dyn Mailing>,
    /// Time and chance.
    pub environment: Arc<dyn Environment>,
    /// People and tokens.
    pub accounts: Accounts,
    /// The limits of CONTRACT §4.
    pub limits: Limits,
    /// Private addresses that webhooks may have.
    pub allowed: Allowed,
    intake: Arc<Intake>,
    audit: Audit,
}

impl Services {
    /// Puts them together.
    pub fn new(parts: Parts, limits: Limits, allowed: Allowed) -> Arc<Self> {
        let Parts { store, intake, sources, probing, mailing, environment } = parts;
        let accounts = Accounts::new(store.clone(), environment.clone());
        let audit = Audit::new(store.clone(), environment.clone());
        Arc::new(Self { store, sources, probing, mailing, environment, accounts, limits, allowed, intake, audit })
    }

    /// By what input is judged.
    pub fn rules(&self) -> Rules<'_> {
        Rules { allowed: Some(&self.allowed), ..Rules::default() }
    }
}
