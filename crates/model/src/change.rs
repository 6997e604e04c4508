use serde_json::{Map, Value};

use crate::{ObjectKey, Origin, Timestamp};

/// A row of the ERP: column names and values.
pub type Record = Map<String, Value>;

/// What happened to a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// It was made.
    Insert,
    /// It was changed.
    Update,
    /// It was removed.
    Delete,
}

impl Operation {
    /// Reads `insert`, `update` or `delete`.
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "insert" => Self::Insert,
            "update" => Self::Update,
            "delete" => Self::Delete,
            _ => return None,
        })
    }
}

/// What a person did who signs in to the ERP. Its database alone can't tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErpSession {
    /// They came.
    Login,
    /// They went.
    Logout,
}

impl ErpSession {
    /// Reads `login` or `logout`.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "login" => Some(Self::Login),
            "logout" => Some(Self::Logout),
            _ => None,
        }
    }
}

/// What happened to one row of the ERP: what sources produce.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The sender's own name for it, by which a repeat is recognised.
    pub id: Option<String>,
    /// Which row.
    pub row: ObjectKey,
    /// What happened to it.
    pub operation: Operation,
    /// The row before; not on inserts.
    pub before: Option<Record>,
    /// The row after; not on deletes. Documents carry their `lines`.
    pub after: Option<Record>,
    /// When, if the sender knows.
    pub at: Option<Timestamp>,
    /// Changes of one request with the same burst and row are one change.
    pub burst: Option<String>,
    /// Of users: what a changed session means, if the sender knows.
    pub session: Option<ErpSession>,
    /// Who wrote it, if that is known.
    pub origin: Option<Origin>,
}
