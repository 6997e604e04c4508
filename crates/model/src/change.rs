use serde_json::{Map, Value};

use crate::{ObjectKey, Origin, Timestamp};

/// A row of the ERP: column names and values.
pub type Record = Map<String, Value>;

/// The operation on a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// The row was inserted.
    Insert,
    /// The row was updated.
    Update,
    /// The row was deleted.
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

/// A session change of an ERP user, which can't be derived from the database alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErpSession {
    /// Logged in.
    Login,
    /// Logged out.
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

/// A change of one row of the ERP, as sources produce it.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The sender's id, which identifies repeats.
    pub id: Option<String>,
    /// The row.
    pub row: ObjectKey,
    /// The operation.
    pub operation: Operation,
    /// The row before; absent for inserts.
    pub before: Option<Record>,
    /// The row after; absent for deletes. Documents include their `lines`.
    pub after: Option<Record>,
    /// When it happened, if known.
    pub at: Option<Timestamp>,
    /// Changes of a request with the same burst and row are folded into one.
    pub burst: Option<String>,
    /// For users: the meaning of a changed session, if known.
    pub session: Option<ErpSession>,
    /// Who made the change, if known.
    pub origin: Option<Origin>,
}
