use async_trait::async_trait;
use gancho_model::{Role, Session, Timestamp, Token, TokenId, User, UserId};

use crate::StoreError;

/// Changes to a user.
#[derive(Clone, Debug, Default)]
pub struct UserChange {
    /// The new role.
    pub role: Option<Role>,
    /// The new password's hash.
    pub password_hash: Option<String>,
    /// The new mail address; `Some(None)` removes it.
    pub email: Option<Option<String>>,
    /// The new language.
    pub language: Option<String>,
    /// The new time zone.
    pub time_zone: Option<String>,
}

/// Tokens, users and their sessions.
#[async_trait]
pub trait Access: Send + Sync {
    /// Adds a token, identified by its digest.
    async fn add_token(&self, token: Token, digest: [u8; 32]) -> Result<(), StoreError>;

    /// The token with this digest.
    async fn token(&self, digest: [u8; 32]) -> Result<Option<Token>, StoreError>;

    /// All tokens but those of sources, oldest first.
    async fn tokens(&self) -> Result<Vec<Token>, StoreError>;

    /// Removes a token.
    async fn remove_token(&self, id: TokenId) -> Result<(), StoreError>;

    /// Adds a user.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the name is taken.
    async fn add_user(&self, user: User) -> Result<(), StoreError>;

    /// The user with this name, ignoring case.
    async fn user(&self, name: &str) -> Result<Option<User>, StoreError>;

    /// All users, by name.
    async fn users(&self) -> Result<Vec<User>, StoreError>;

    /// Changes only the given fields of a user. A new password or role ends all their sessions except the one with this
    /// digest.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when no administrator would be left.
    async fn change_user(&self, id: UserId, change: UserChange, keep: Option<[u8; 32]>) -> Result<(), StoreError>;

    /// Removes a user and their sessions.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when no administrator would be left.
    async fn remove_user(&self, id: UserId) -> Result<(), StoreError>;

    /// Stores a session.
    async fn add_session(&self, session: Session) -> Result<(), StoreError>;

    /// The unexpired session with this digest, and its user.
    async fn session(&self, digest: [u8; 32], now: Timestamp) -> Result<Option<(Session, User)>, StoreError>;

    /// Records the use of a session, and extends it until this time.
    async fn touch_session(&self, digest: [u8; 32], now: Timestamp, expires_at: Timestamp) -> Result<(), StoreError>;

    /// A user's unexpired sessions, newest first.
    async fn sessions(&self, user: UserId, now: Timestamp) -> Result<Vec<Session>, StoreError>;

    /// Ends a session; succeeds if there is none.
    async fn end_session(&self, digest: [u8; 32]) -> Result<(), StoreError>;
}
