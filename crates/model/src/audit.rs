use serde_json::{Map, Value};

use crate::Timestamp;

/// An action of a user or a program.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditEntry {
    /// When.
    pub at: Timestamp,
    /// The user's or token's name.
    pub who: String,
    /// The action, such as `endpoint.changed`.
    pub action: String,
    /// The id of its object.
    pub object: String,
    /// The object's display name.
    pub name: String,
    /// Changes: old and new values by field, secrets masked.
    pub details: Map<String, Value>,
}
