use async_trait::async_trait;
use gancho_model::{AuditEntry, Timestamp};

use crate::{Page, StoreError};

/// The audit log and sent alerts.
#[async_trait]
pub trait History: Send + Sync {
    /// Adds an entry.
    async fn note(&self, entry: AuditEntry) -> Result<(), StoreError>;

    /// Entries, newest first, before a cursor; only those of one object, if given.
    async fn audit_entries(
        &self,
        object: Option<String>,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Page<AuditEntry, u64>, StoreError>;

    /// The last alert about an object, if any.
    async fn alert_state(&self, object: &str) -> Result<Option<String>, StoreError>;

    /// Compare-and-set of an object's alert; `None` removes it. Returns whether it was changed: of several nodes, one
    /// sends the alert.
    async fn set_alert_state(
        &self,
        object: &str,
        known: Option<String>,
        new: Option<String>,
        at: Timestamp,
    ) -> Result<bool, StoreError>;
}
