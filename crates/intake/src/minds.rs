//! What is known of each source, kept in memory between its requests.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use gancho_facturascripts::Knowledge;
use gancho_model::SourceId;
use gancho_store::{Store, StoreError};

/// One source's knowledge. Its requests take turns, since each may build on the one before; it is
/// empty until read, and after a request that failed.
pub(crate) type Mind = Arc<tokio::sync::Mutex<Option<Knowledge>>>;

#[derive(Default)]
pub(crate) struct Minds(Mutex<HashMap<SourceId, Mind>>);

impl Minds {
    pub fn of(&self, source: SourceId) -> Mind {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(source).or_default().clone()
    }
}

/// Reads what the store remembers.
pub(crate) async fn read(store: &dyn Store, source: SourceId) -> Result<Knowledge, StoreError> {
    Ok(Knowledge::from_rows(store.remembered(source).await?))
}
