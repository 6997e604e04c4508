use crate::{SourceId, Timestamp, TokenId};

/// What a token may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Everything.
    Admin,
    /// Every GET but secrets.
    Read,
    /// `POST /events` and `/changes`.
    Ingest,
    /// The same for one source, and seeing that source.
    Source(SourceId),
}

impl Scope {
    /// The word; a source's token says `source`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Read => "read",
            Self::Ingest => "ingest",
            Self::Source(_) => "source",
        }
    }

    /// Reads `admin`, `read` or `ingest`.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Admin, Self::Read, Self::Ingest].into_iter().find(|scope| scope.as_str() == text)
    }
}

/// A program's key to the API. The token itself is shown once and kept as a digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// `tok_…`
    pub id: TokenId,
    /// What people call it.
    pub name: String,
    /// What it may do.
    pub scope: Scope,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Who makes a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The token by which repeats are recognised.
    pub token: TokenId,
    /// What it may do.
    pub scope: Scope,
}

impl Caller {
    /// The source that the caller speaks for.
    pub fn source(&self) -> Option<SourceId> {
        match self.scope {
            Scope::Source(source) => Some(source),
            _ => None,
        }
    }
}
