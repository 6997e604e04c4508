//! Reference data of each source, cached between requests.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use gancho_facturascripts::ReferenceData;
use gancho_model::SourceId;
use gancho_store::{Store, StoreError};

/// A source's reference data, and the version of the rows that it was loaded from.
pub(crate) struct Known {
    pub data: ReferenceData,
    pub version: u64,
}

/// The cache of one source. Its requests run one at a time, since each may build on the one before; it is empty until
/// loaded, and after a failed request.
pub(crate) type SourceCache = Arc<tokio::sync::Mutex<Option<Known>>>;

#[derive(Default)]
pub(crate) struct SourceCaches(Mutex<HashMap<SourceId, SourceCache>>);

impl SourceCaches {
    pub fn of(&self, source: SourceId) -> SourceCache {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(source).or_default().clone()
    }
}

/// Loads the stored reference rows.
pub(crate) async fn load(store: &dyn Store, source: SourceId) -> Result<Known, StoreError> {
    let rows = store.remembered(source).await?;
    Ok(Known { data: ReferenceData::from_rows(rows.rows), version: rows.version })
}
