use async_trait::async_trait;
use gancho_model::{Record, SourceId};

use crate::StoreError;

/// The last read state of a polled ERP's record.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordSnapshot {
    /// Its key.
    pub key: String,
    /// Its day, `YYYY-MM-DD`, if the ERP's lists can be filtered by day.
    pub day: Option<String>,
    /// The normalized record; documents with their `lines`.
    pub record: Record,
}

/// A new snapshot of a record.
#[derive(Clone, Debug, PartialEq)]
pub struct SnapshotUpdate {
    /// Its model.
    pub model: String,
    /// Its key.
    pub key: String,
    /// The record; `None` if it was deleted.
    pub seen: Option<RecordSnapshot>,
}

/// Snapshots of polled ERPs: each poll compares with them.
#[async_trait]
pub trait Snapshots: Send + Sync {
    /// Starts polling a source. Earlier sessions can't store anything from now on, so that of two nodes only one
    /// continues. Returns the version that all later writes must carry.
    async fn open_seen(&self, source: SourceId) -> Result<u64, StoreError>;

    /// The snapshots of these records of a model; `None` for records without one.
    async fn seen(&self, source: SourceId, model: &str, keys: Vec<String>) -> Result<Vec<RecordSnapshot>, StoreError>;

    /// Keys of snapshots, in order, after `after`; only `since` a day, if given.
    async fn seen_keys(
        &self,
        source: SourceId,
        model: &str,
        since: Option<String>,
        after: Option<String>,
        limit: u32,
    ) -> Result<Vec<String>, StoreError>;

    /// Stores snapshots that cause no events: what a crash loses is read again. Changes are stored together with their
    /// events ([`crate::Submission::snapshots`]).
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if another session has opened the source since.
    async fn keep_seen(&self, source: SourceId, version: u64, snapshots: Vec<SnapshotUpdate>)
    -> Result<(), StoreError>;

    /// The cursors of polling, in the poller's own names and formats.
    async fn marks(&self, source: SourceId) -> Result<Vec<(String, String)>, StoreError>;

    /// Sets one cursor.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if another session has opened the source since.
    async fn set_mark(&self, source: SourceId, version: u64, name: &str, text: String) -> Result<(), StoreError>;

    /// Removes a source's snapshots and cursors.
    async fn forget_seen(&self, source: SourceId) -> Result<(), StoreError>;
}
