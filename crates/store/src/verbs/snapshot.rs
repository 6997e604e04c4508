use async_trait::async_trait;
use gancho_model::{Record, SourceId};

use crate::StoreError;

/// A record of a polled ERP as it was read last.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordSnapshot {
    /// Its key.
    pub key: String,
    /// The day it is of, `YYYY-MM-DD`, where the ERP's lists can be narrowed by one.
    pub day: Option<String>,
    /// The record in its one shape; documents with their `lines`.
    pub record: Record,
}

/// How a record looks now.
#[derive(Clone, Debug, PartialEq)]
pub struct SnapshotUpdate {
    /// Its model.
    pub model: String,
    /// Its key.
    pub key: String,
    /// The record; nothing if it is gone.
    pub seen: Option<RecordSnapshot>,
}

/// What was seen of an ERP that can only be asked: whoever asks again compares with this.
#[async_trait]
pub trait Snapshots: Send + Sync {
    /// Begins to ask a source: whoever asked before can keep nothing any more, so that of two nodes only one goes on.
    /// Returns the version that everything kept from now on must carry.
    async fn open_seen(&self, source: SourceId) -> Result<u64, StoreError>;

    /// What was seen of these records of a model; nothing of those that were not.
    async fn seen(&self, source: SourceId, model: &str, keys: Vec<String>) -> Result<Vec<RecordSnapshot>, StoreError>;

    /// Keys of records seen, in order, beyond `after`; only those `since` a day, if one is given.
    async fn seen_keys(
        &self,
        source: SourceId,
        model: &str,
        since: Option<String>,
        after: Option<String>,
        limit: u32,
    ) -> Result<Vec<String>, StoreError>;

    /// Keeps how records look now where that is no news: what is lost of it in a crash is read again. News is
    /// kept together with its events ([`crate::Submission::snapshots`]).
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when somebody else asks the source by now.
    async fn keep_seen(&self, source: SourceId, version: u64, snapshots: Vec<SnapshotUpdate>)
    -> Result<(), StoreError>;

    /// How far asking has come: names and texts of whoever asks.
    async fn marks(&self, source: SourceId) -> Result<Vec<(String, String)>, StoreError>;

    /// Sets one of them.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when somebody else asks the source by now.
    async fn set_mark(&self, source: SourceId, version: u64, name: &str, text: String) -> Result<(), StoreError>;

    /// Forgets all that was seen of a source, and how far asking has come.
    async fn forget_seen(&self, source: SourceId) -> Result<(), StoreError>;
}
