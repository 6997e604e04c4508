use serde_json::{Value, json};
use utoipa::openapi::{RefOr, Schema};

use super::document;

/// Any JSON value: integers must fit into 64 bits, so that none loses precision.
#[derive(Clone, Copy, Debug)]
pub struct JsonValue;

impl JsonValue {
    /// A reference to its schema.
    pub fn reference() -> Value {
        json!({"$ref": "#/components/schemas/JsonValue"})
    }
}

impl utoipa::PartialSchema for JsonValue {
    fn schema() -> RefOr<Schema> {
        let (reference, largest) = (Self::reference(), u64::MAX);
        document(json!({
            "description": "Any JSON. Numbers must fit into 64 bits: send larger ones as texts.",
            "anyOf": [
                {"type": ["null", "boolean", "string"]},
                {"type": "number", "minimum": i64::MIN, "maximum": largest},
                {"type": "array", "items": reference},
                {"type": "object", "additionalProperties": reference},
            ],
        }))
    }
}

impl utoipa::ToSchema for JsonValue {}
