//! Full-text search of events.

mod find;
mod index;

pub use find::FoundEvents;
pub use index::{index_batch, keep_index};

use gancho_facturascripts::search_text;
use gancho_model::Event;
use serde_json::Value;

/// The searchable text of an event.
fn text_of(event: &Event) -> String {
    let body: Value = serde_json::from_slice(&event.body).unwrap_or(Value::Null);
    search_text(&event.event, event.label.as_deref(), body["data"]["object"].as_object())
}
