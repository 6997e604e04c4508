use async_trait::async_trait;
use gancho_model::{Source, SourceId, Timestamp, Token};

use crate::StoreError;

/// What people ask of sources.
#[async_trait]
pub trait Sources: Send + Sync {
    /// Adds a source, and the token by which it may push, if it has one, with the token's digest.
    async fn add_source(&self, source: Source, token: Option<(Token, [u8; 32])>) -> Result<(), StoreError>;

    /// One of them.
    async fn source(&self, id: SourceId) -> Result<Source, StoreError>;

    /// All of them, oldest first; an installation has few.
    async fn sources(&self) -> Result<Vec<Source>, StoreError>;

    /// Saves one.
    async fn save_source(&self, source: Source) -> Result<(), StoreError>;

    /// Tells other nodes how one does, as whoever watches it knows; in the words of whoever reads that.
    async fn save_source_status(&self, id: SourceId, status: String, now: Timestamp) -> Result<(), StoreError>;

    /// How sources do, as nodes told, and when. Where there is but one node, nobody told anything.
    async fn source_statuses(&self) -> Result<Vec<(SourceId, String, Timestamp)>, StoreError>;

    /// Removes one, its tokens and what was remembered of its rows. Its events stay.
    async fn remove_source(&self, id: SourceId) -> Result<(), StoreError>;
}
