use async_trait::async_trait;
use gancho_model::{Source, SourceId, Timestamp, Token};

use crate::StoreError;

/// Management of sources.
#[async_trait]
pub trait Sources: Send + Sync {
    /// Adds a source, with its push token, if it has one, and the token's digest.
    async fn add_source(&self, source: Source, token: Option<(Token, [u8; 32])>) -> Result<(), StoreError>;

    /// One source.
    async fn source(&self, id: SourceId) -> Result<Source, StoreError>;

    /// All sources, oldest first; an installation has few.
    async fn sources(&self) -> Result<Vec<Source>, StoreError>;

    /// Saves a source.
    async fn save_source(&self, source: Source) -> Result<(), StoreError>;

    /// Publishes a source's status to other nodes, in the watching node's format.
    async fn save_source_status(&self, id: SourceId, status: String, now: Timestamp) -> Result<(), StoreError>;

    /// The statuses that nodes published, and when. Empty where there is only one node.
    async fn source_statuses(&self) -> Result<Vec<(SourceId, String, Timestamp)>, StoreError>;

    /// Removes a source, its tokens and reference rows. Its events stay.
    async fn remove_source(&self, id: SourceId) -> Result<(), StoreError>;
}
