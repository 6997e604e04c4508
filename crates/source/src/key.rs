//! Keys of the ERP's rows.

use serde_json::Value;

/// A key as text, as the ERP writes it.
pub(crate) fn key_text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)
}
