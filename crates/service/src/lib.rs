//! Use cases: one file per action, each with typed input, validation and its audit entry. API handlers, pages and
//! commands call these and make no decisions themselves.

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

/// The dependencies of the use cases.
#[derive(Clone)]
pub struct Parts {
    /// The store.
    pub store: Arc<dyn Store>,
    /// The intake.
    pub intake: Arc<Intake>,
    /// Watches ERPs.
    pub sources: Arc<dyn SourceControl>,
    /// Checks whether URLs are reachable.
    pub probing: Arc<dyn Probing>,
    /// Sends mail.
    pub mailing: Arc<dyn Mailing>,
    /// Clock and randomness.
    pub environment: Arc<dyn Environment>,
}

/// The use cases. Plain reads use the store directly.
pub struct Services {
    /// The store.
    pub store: Arc<dyn Store>,
    /// Watches ERPs.
    pub sources: Arc<dyn SourceControl>,
    /// Checks whether URLs are reachable.
    pub probing: Arc<dyn Probing>,
    /// Sends mail.
    pub mailing: Arc<dyn Mailing>,
    /// Clock and randomness.
    pub environment: Arc<dyn Environment>,
    /// Users and tokens.
    pub accounts: Accounts,
    /// The limits of CONTRACT §4.
    pub limits: Limits,
    /// Private addresses that webhooks may have.
    pub allowed: Allowed,
    intake: Arc<Intake>,
    audit: Audit,
}

impl Services {
    /// Combines the parts.
    pub fn new(parts: Parts, limits: Limits, allowed: Allowed) -> Arc<Self> {
        let Parts { store, intake, sources, probing, mailing, environment } = parts;
        let accounts = Accounts::new(store.clone(), environment.clone());
        let audit = Audit::new(store.clone(), environment.clone());
        Arc::new(Self { store, sources, probing, mailing, environment, accounts, limits, allowed, intake, audit })
    }

    /// Rules for validating input.
    pub fn rules(&self) -> Rules<'_> {
        Rules { allowed: Some(&self.allowed), ..Rules::default() }
    }
}
