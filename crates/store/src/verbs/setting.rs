use async_trait::async_trait;

use crate::StoreError;

/// Settings that people change in the pages, encrypted at rest.
#[async_trait]
pub trait Settings: Send + Sync {
    /// One of them; nothing if it was not set.
    async fn setting(&self, name: &str) -> Result<Option<String>, StoreError>;

    /// Sets one, or forgets it.
    async fn save_setting(&self, name: &str, value: Option<String>) -> Result<(), StoreError>;
}
