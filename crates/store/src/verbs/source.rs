use async_trait::async_trait;
use gancho_model::{Source, SourceId, Token};

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

    /// Removes one, its tokens and what was remembered of its rows. Its events stay.
    async fn remove_source(&self, id: SourceId) -> Result<(), StoreError>;
}
