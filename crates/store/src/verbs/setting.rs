use async_trait::async_trait;

use crate::StoreError;

/// Settings changed in the web interface, encrypted at rest.
#[async_trait]
pub trait Settings: Send + Sync {
    /// One setting; `None` if it was never set.
    async fn setting(&self, name: &str) -> Result<Option<String>, StoreError>;

    /// Sets one, or removes it.
    async fn save_setting(&self, name: &str, value: Option<String>) -> Result<(), StoreError>;
}
