//! What is known of each source, kept in memory between its requests.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use gancho_facturascripts::ReferenceData;
use gancho_model::SourceId;
use gancho_store::{Store, StoreError};

/// What is known of a source, and the version of the rows that it was read from.
pub(crate) struct Known {
    pub data: ReferenceData,
    pub version: u64,
}

/// One source's knowledge. Its requests take turns, since each may build on the one before; it is
/// empty until read, and after a request that failed.
pub(crate) type SourceCache = Arc<tokio::sync::Mutex<Option<Known>>>;

#[derive(Default)]
pub(crate) struct SourceCaches(Mutex<HashMap<SourceId, SourceCache>>);

impl SourceCaches {
    pub fn of(&self, source: SourceId) -> SourceCache {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(source).or_default().clone()
    }
}

/// Reads what the store remembers.
pub(crate) async fn load(store: &dyn Store, source: SourceId) -> Result<Known, StoreError> {
    let rows = store.remembered(source).await?;
    Ok(Known { data: ReferenceData::from_rows(rows.rows), version: rows.version })
}
