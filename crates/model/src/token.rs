use crate::{SourceId, Timestamp, TokenId};

/// The permissions of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Everything.
    Admin,
    /// Every GET except secrets.
    Read,
    /// `POST /events` and `/changes`.
    Ingest,
    /// The same for one source, and reading that source.
    Source(SourceId),
}

impl Scope {
    /// The name; `source` for a source's token.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Read => "read",
            Self::Ingest => "ingest",
            Self::Source(_) => "source",
        }
    }

    /// Parses `admin`, `read` or `ingest`.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Admin, Self::Read, Self::Ingest].into_iter().find(|scope| scope.as_str() == text)
    }
}

/// A program's key to the API. The token itself is shown once and kept as a digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// `tok_…`
    pub id: TokenId,
    /// Its display name.
    pub name: String,
    /// Its permissions.
    pub scope: Scope,
    /// When it was made.
    pub created_at: Timestamp,
}

/// The caller of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The token; repeats are recognised within it.
    pub token: TokenId,
    /// Its permissions.
    pub scope: Scope,
}

impl Caller {
    /// The source that the caller belongs to.
    pub fn source(&self) -> Option<SourceId> {
        match self.scope {
            Scope::Source(source) => Some(source),
            _ => None,
        }
    }
}
