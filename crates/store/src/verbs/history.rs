use async_trait::async_trait;
use gancho_model::{AuditEntry, Timestamp};

use crate::{Page, StoreError};

/// Who did what, and what people were told.
#[async_trait]
pub trait History: Send + Sync {
    /// Keeps a deed.
    async fn note(&self, deed: AuditEntry) -> Result<(), StoreError>;

    /// AuditPage, newest first, before a cursor; those to one object, if it is given.
    async fn deeds(
        &self,
        object: Option<String>,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Page<AuditEntry, u64>, StoreError>;

    /// What people were told of an object, if anything.
    async fn told(&self, object: &str) -> Result<Option<String>, StoreError>;

    /// Remembers what people were told of an object, if nothing else was told meanwhile than what was
    /// known; with nothing, forgets it. Says whether it was so: of many nodes one tells.
    async fn tell(
        &self,
        object: &str,
        known: Option<String>,
        now_told: Option<String>,
        at: Timestamp,
    ) -> Result<bool, StoreError>;
}
