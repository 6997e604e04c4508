//! Stored snapshots of a polled ERP.

use std::{collections::HashMap, sync::Arc};

use gancho_model::SourceId;
use gancho_store::{RecordSnapshot, SnapshotUpdate, Store};

use super::source_error::SourceError;

/// The snapshots of one source, for the current session: after another one opens them, writes are refused.
pub(crate) struct SeenRecords {
    store: Arc<dyn Store>,
    source: SourceId,
    version: u64,
}

impl SeenRecords {
    /// Starts a session.
    pub async fn open(store: Arc<dyn Store>, source: SourceId) -> Result<Self, SourceError> {
        let version = store.open_seen(source).await.map_err(SourceError::of_store)?;
        Ok(Self { store, source, version })
    }

    /// The version for comparing and writing.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Snapshots of these records of a model.
    pub async fn records(&self, model: &str, keys: Vec<String>) -> Result<Vec<RecordSnapshot>, SourceError> {
        self.store.seen(self.source, model, keys).await.map_err(SourceError::of_store)
    }

    /// Keys of snapshots, in order, after `after`; only `since` a day, if given.
    pub async fn keys(
        &self,
        model: &str,
        since: Option<String>,
        after: Option<String>,
        limit: u32,
    ) -> Result<Vec<String>, SourceError> {
        self.store.seen_keys(self.source, model, since, after, limit).await.map_err(SourceError::of_store)
    }

    /// Stores snapshots.
    pub async fn keep(&self, snapshots: Vec<SnapshotUpdate>) -> Result<(), SourceError> {
        self.store.keep_seen(self.source, self.version, snapshots).await.map_err(SourceError::of_store)
    }

    /// The cursors.
    pub async fn marks(&self) -> Result<HashMap<String, String>, SourceError> {
        let marks = self.store.marks(self.source).await.map_err(SourceError::of_store)?;
        Ok(marks.into_iter().collect())
    }

    /// Sets a cursor.
    pub async fn set_mark(&self, name: &str, text: String) -> Result<(), SourceError> {
        self.store.set_mark(self.source, self.version, name, text).await.map_err(SourceError::of_store)
    }

    /// Removes all snapshots and cursors.
    pub async fn forget(&self) -> Result<(), SourceError> {
        self.store.forget_seen(self.source).await.map_err(SourceError::of_store)
    }
}
