use async_trait::async_trait;
use gancho_model::{Consumer, Timestamp};

use crate::StoreError;

/// Programs that read the feed, and how far each has come.
#[async_trait]
pub trait Consumers: Send + Sync {
    /// Adds one.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] where the name is taken, or there are as many as may be.
    async fn add_consumer(&self, consumer: Consumer) -> Result<(), StoreError>;

    /// One of them.
    async fn consumer(&self, name: &str) -> Result<Consumer, StoreError>;

    /// All of them, by name.
    async fn consumers(&self) -> Result<Vec<Consumer>, StoreError>;

    /// Moves its position, forward only, and not beyond the feed's last event. Returns it as it is then.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] for an event that there is not yet.
    async fn acknowledge(&self, name: &str, sequence: u64, now: Timestamp) -> Result<Consumer, StoreError>;

    /// Removes one.
    async fn remove_consumer(&self, name: &str) -> Result<(), StoreError>;
}
