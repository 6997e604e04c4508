//! What was seen of an ERP that can only be asked, kept for the next time.

use std::{collections::HashMap, sync::Arc};

use gancho_model::SourceId;
use gancho_store::{RecordSnapshot, SnapshotUpdate, Store};

use super::source_error::SourceError;

/// What was seen of one source, for whoever asks it now: once somebody else does, nothing can be kept any more.
pub(crate) struct SeenRecords {
    store: Arc<dyn Store>,
    source: SourceId,
    version: u64,
}

impl SeenRecords {
    /// Begins to ask.
    pub async fn open(store: Arc<dyn Store>, source: SourceId) -> Result<Self, SourceError> {
        let version = store.open_seen(source).await.map_err(SourceError::of_store)?;
        Ok(Self { store, source, version })
    }

    /// By which version records are compared from now on.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// What was seen of these records of a model.
    pub async fn records(&self, model: &str, keys: Vec<String>) -> Result<Vec<RecordSnapshot>, SourceError> {
        self.store.seen(self.source, model, keys).await.map_err(SourceError::of_store)
    }

    /// Keys of records seen, in order, beyond `after`; only those `since` a day, if one is given.
    pub async fn keys(
        &self,
        model: &str,
        since: Option<String>,
        after: Option<String>,
        limit: u32,
    ) -> Result<Vec<String>, SourceError> {
        self.store.seen_keys(self.source, model, since, after, limit).await.map_err(SourceError::of_store)
    }

    /// Keeps how records look now.
    pub async fn keep(&self, snapshots: Vec<SnapshotUpdate>) -> Result<(), SourceError> {
        self.store.keep_seen(self.source, self.version, snapshots).await.map_err(SourceError::of_store)
    }

    /// How far asking has come.
    pub async fn marks(&self) -> Result<HashMap<String, String>, SourceError> {
        let marks = self.store.marks(self.source).await.map_err(SourceError::of_store)?;
        Ok(marks.into_iter().collect())
    }

    /// Notes how far it has come.
    pub async fn set_mark(&self, name: &str, text: String) -> Result<(), SourceError> {
        self.store.set_mark(self.source, self.version, name, text).await.map_err(SourceError::of_store)
    }

    /// Forgets everything.
    pub async fn forget(&self) -> Result<(), SourceError> {
        self.store.forget_seen(self.source).await.map_err(SourceError::of_store)
    }
}
