use crate::{Timestamp, UserId};

/// A user's role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Everything.
    Admin,
    /// Read everything except secrets.
    Viewer,
}

impl Role {
    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Viewer => "viewer",
        }
    }

    /// Reads the word.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Admin, Self::Viewer].into_iter().find(|role| role.as_str() == text)
    }
}

/// A user who may sign in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// `usr_…`
    pub id: UserId,
    /// The name to sign in with.
    pub name: String,
    /// Their role.
    pub role: Role,
    /// The password as an Argon2 hash.
    pub password_hash: String,
    /// Their mail address, if any.
    pub email: Option<String>,
    /// The language they chose, by its code.
    pub language: Option<String>,
    /// The zone they chose, an IANA name.
    pub time_zone: Option<String>,
    /// When they were added.
    pub created_at: Timestamp,
}

/// A browser session of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The digest of its cookie.
    pub digest: [u8; 32],
    /// Who.
    pub user: UserId,
    /// The browser's `User-Agent`.
    pub agent: String,
    /// When they signed in.
    pub created_at: Timestamp,
    /// Time of its last use.
    pub seen_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
}
