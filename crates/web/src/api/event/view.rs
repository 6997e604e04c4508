use gancho_model::Event;
use serde::Serialize;
use serde_json::{Value, value::RawValue};
use utoipa::ToSchema;

/// An event: the body that receivers get, and its place in the feed.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the shape for the document; the stored bytes are the answer")]
pub(crate) struct EventView {
    id: String,
    event: String,
    /// Unix seconds.
    created: i64,
    data: Value,
    source: Option<String>,
    /// Counts 1, 2, 3…; 0 for a test, which is not in the feed.
    sequence: u64,
    /// What people call its document, such as an invoice's number.
    document: Option<String>,
}

/// The stored body with more fields at its end; the stored bytes themselves are not touched.
pub(crate) fn with_fields(event: &Event, more: &[(&str, &dyn erased::Json)]) -> Box<RawValue> {
    let body = String::from_utf8_lossy(&event.body);
    let mut text = body.trim_end().strip_suffix('}').unwrap_or("{\"id\":null").to_owned();
    text.push_str(&format!(r#","sequence":{},"document":{}"#, event.sequence, Value::from(event.label.as_deref())));
    for (name, value) in more {
        text.push_str(&format!(r#","{name}":{}"#, value.json()));
    }
    text.push('}');
    RawValue::from_string(text).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

/// Values of different types in one list.
pub(crate) mod erased {
    use super::Serialize;

    pub(crate) trait Json {
        fn json(&self) -> String;
    }

    impl<T: Serialize> Json for T {
        fn json(&self) -> String {
            serde_json::to_string(self).unwrap_or_else(|_| "null".into())
        }
    }
}
