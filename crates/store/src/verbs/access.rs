use async_trait::async_trait;
use gancho_model::{Token, TokenId, User};

use crate::StoreError;

/// Who may come in.
#[async_trait]
pub trait Access: Send + Sync {
    /// Adds a token, known by its digest.
    async fn add_token(&self, token: Token, digest: [u8; 32]) -> Result<(), StoreError>;

    /// The token with this digest.
    async fn token(&self, digest: [u8; 32]) -> Result<Option<Token>, StoreError>;

    /// All tokens but those of sources, oldest first.
    async fn tokens(&self) -> Result<Vec<Token>, StoreError>;

    /// Removes a token.
    async fn remove_token(&self, id: TokenId) -> Result<(), StoreError>;

    /// Adds a person.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the name is taken.
    async fn add_user(&self, user: User) -> Result<(), StoreError>;

    /// The person of this name, in any case of letters.
    async fn user(&self, name: &str) -> Result<Option<User>, StoreError>;
}
