use async_trait::async_trait;
use gancho_model::{Role, Session, Timestamp, Token, TokenId, User, UserId};

use crate::StoreError;

/// What is to be changed of a person.
#[derive(Clone, Debug, Default)]
pub struct UserChange {
    /// What they may do.
    pub role: Option<Role>,
    /// Another password's hash.
    pub password_hash: Option<String>,
    /// Where mail reaches them; nothing inside for nowhere.
    pub email: Option<Option<String>>,
    /// Their language.
    pub language: Option<String>,
    /// Their zone.
    pub time_zone: Option<String>,
}

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

    /// All people, by name.
    async fn users(&self) -> Result<Vec<User>, StoreError>;

    /// Changes the given fields of a person, and nothing else. With another password or role, all their
    /// sessions end but the one with this digest.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when no administrator would be left.
    async fn change_user(&self, id: UserId, change: UserChange, keep: Option<[u8; 32]>) -> Result<(), StoreError>;

    /// Removes a person and their sessions.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when no administrator would be left.
    async fn remove_user(&self, id: UserId) -> Result<(), StoreError>;

    /// Keeps a session.
    async fn add_session(&self, session: Session) -> Result<(), StoreError>;

    /// The session of this digest that has not ended by now, and whose it is.
    async fn session(&self, digest: [u8; 32], now: Timestamp) -> Result<Option<(Session, User)>, StoreError>;

    /// A session was used, and lasts until then.
    async fn touch_session(&self, digest: [u8; 32], now: Timestamp, expires_at: Timestamp) -> Result<(), StoreError>;

    /// A person's sessions that have not ended, newest first.
    async fn sessions(&self, user: UserId, now: Timestamp) -> Result<Vec<Session>, StoreError>;

    /// Ends a session; gone already is as good.
    async fn end_session(&self, digest: [u8; 32]) -> Result<(), StoreError>;
}
