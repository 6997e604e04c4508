use async_trait::async_trait;
use gancho_model::{AuditEntry, Timestamp};

use crate::{Page, StoreError};

/// Who did what, and which alerts people got.
#[async_trait]
pub trait History: Send + Sync {
    /// Keeps an entry.
    async fn note(&self, entry: AuditEntry) -> Result<(), StoreError>;

    /// Entries, newest first, before a cursor; those about one object, if it is given.
    async fn audit_entries(
        &self,
        object: Option<String>,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Page<AuditEntry, u64>, StoreError>;

    /// The last alert about an object, if there was any.
    async fn alert_state(&self, object: &str) -> Result<Option<String>, StoreError>;

    /// Remembers an alert about an object, if there was none meanwhile but the one that was
    /// known; with nothing, forgets it. Says whether it was so: of many nodes one alerts.
    async fn set_alert_state(
        &self,
        object: &str,
        known: Option<String>,
        new: Option<String>,
        at: Timestamp,
    ) -> Result<bool, StoreError>;
}
