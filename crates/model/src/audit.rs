use serde_json::{Map, Value};

use crate::Timestamp;

/// Something that a person or a program did here.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditEntry {
    /// When.
    pub at: Timestamp,
    /// Who: a person's name, or a token's.
    pub who: String,
    /// What, such as `endpoint.changed`.
    pub action: String,
    /// To what: its id.
    pub object: String,
    /// What people call it.
    pub name: String,
    /// What changed: old and new values by field, secrets masked.
    pub details: Map<String, Value>,
}
