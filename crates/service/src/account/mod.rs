//! Authentication: users with passwords, programs with tokens.

mod login;
mod password;
mod person;
mod token;

use std::sync::Arc;

use gancho_model::Environment;
use gancho_store::Store;

use crate::Audit;

pub use password::{NewPassword, PASSWORD_MAX};
pub use person::{NewPerson, OwnSettings, PersonPatch};
pub use token::{NewToken, digest, new_token};

/// Users and tokens; these need only a store.
#[derive(Clone)]
pub struct Accounts {
    store: Arc<dyn Store>,
    environment: Arc<dyn Environment>,
    audit: Audit,
}

impl Accounts {
    /// The accounts of this store.
    pub fn new(store: Arc<dyn Store>, environment: Arc<dyn Environment>) -> Self {
        Self { audit: Audit::new(store.clone(), environment.clone()), store, environment }
    }
}
