use crate::{Timestamp, UserId};

/// What a person may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Everything.
    Admin,
    /// Look at everything but secrets.
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

/// A person who may sign in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// `usr_…`
    pub id: UserId,
    /// The name to sign in with.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// The password as an Argon2 hash.
    pub password_hash: String,
    /// Where mail reaches them, if they want any.
    pub email: Option<String>,
    /// The language they chose, by its code.
    pub language: Option<String>,
    /// The zone they chose, an IANA name.
    pub time_zone: Option<String>,
    /// When they were added.
    pub created_at: Timestamp,
}

/// A browser in which a person signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The digest of what stands in its cookie.
    pub digest: [u8; 32],
    /// Who.
    pub user: UserId,
    /// What the browser says of itself.
    pub agent: String,
    /// When they signed in.
    pub created_at: Timestamp,
    /// When they were last seen.
    pub seen_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
}
