//! What is known of each source, kept in memory between its requests.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use gancho_facturascripts::ReferenceData;
use gancho_model::SourceId;
use gancho_store::{Store, StoreError};

/// One source's knowledge. Its requests take turns, since each may build on the one before; it is
/// empty until read, and after a request that failed.
pub(crate) type SourceCache = Arc<tokio::sync::Mutex<Option<ReferenceData>>>;

#[derive(Default)]
pub(crate) struct SourceCaches(Mutex<HashMap<SourceId, SourceCache>>);

impl SourceCaches {
    pub fn of(&self, source: SourceId) -> SourceCache {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(source).or_default().clone()
    }
}

/// Reads what the store remembers.
pub(crate) async fn load(store: &dyn Store, source: SourceId) -> Result<ReferenceData, StoreError> {
    Ok(ReferenceData::from_rows(store.remembered(source).await?))
}
