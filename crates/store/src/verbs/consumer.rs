use async_trait::async_trait;
use gancho_model::{Consumer, Timestamp};

use crate::StoreError;

/// Consumers of the feed, and their positions.
#[async_trait]
pub trait Consumers: Send + Sync {
    /// Adds a consumer.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if the name is taken, or the maximum number exists.
    async fn add_consumer(&self, consumer: Consumer) -> Result<(), StoreError>;

    /// One consumer.
    async fn consumer(&self, name: &str) -> Result<Consumer, StoreError>;

    /// All consumers, by name.
    async fn consumers(&self) -> Result<Vec<Consumer>, StoreError>;

    /// Moves its position, forward only, up to the feed's last event. Returns the updated consumer.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] for an event that does not exist yet.
    async fn acknowledge(&self, name: &str, sequence: u64, now: Timestamp) -> Result<Consumer, StoreError>;

    /// Removes a consumer.
    async fn remove_consumer(&self, name: &str) -> Result<(), StoreError>;
}
