use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A webhook's body.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// `evt_…`: the same at every attempt. Store it, and handle each event once.
    pub id: String,
    /// The event's type, such as `invoice.paid`.
    pub event: String,
    /// When it happened, Unix seconds.
    pub created: i64,
    /// What happened.
    pub data: Data,
    /// The ERP it comes from, `src_…`; `None` for events of a program.
    pub source: Option<String>,
    /// A sample or a test: don't book it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub test: bool,
}

/// What happened to what.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Data {
    /// The whole record after the change (before it, for a deletion). Documents carry `lines`.
    pub object: Value,
    /// On updates: the old values of what changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<Value>,
    /// Names of secret columns that changed, without values.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changed: Vec<String>,
    /// The row that caused it, if it is another one (a role, for a user's permissions).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Value>,
    /// The ERP's model, for events of the noun `model`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
}

/// The body is not an event.
#[derive(Debug, thiserror::Error)]
#[error("the body is not an event: {0}")]
pub struct EventError(#[from] serde_json::Error);

impl Event {
    /// Reads a body. Verify its signature first.
    ///
    /// # Errors
    /// When the body isn't JSON of this shape.
    pub fn parse(body: &[u8]) -> Result<Self, EventError> {
        Ok(serde_json::from_slice(body)?)
    }
}
