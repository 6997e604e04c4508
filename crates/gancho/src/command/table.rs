//! Lists for people.

use comfy_table::{ContentArrangement, Table, presets::NOTHING};
use serde_json::Value;

/// What a person looks for first.
const FIRST: &[&str] = &["id", "secret", "token", "state", "event", "name", "url", "events"];

/// Prints a list: each column is a title and where its value stands, such as `/health/state`.
pub fn print(items: &[Value], columns: &[(&str, &str)]) {
    let mut table = table();
    table.set_header(columns.iter().map(|(title, _)| title.to_uppercase()));
    for item in items {
        table.add_row(columns.iter().map(|(_, place)| text(item.pointer(place))));
    }
    say!("{table}");
}

/// Prints one thing, field by field, what is empty left out.
pub fn print_one(item: &Value) {
    let mut table = table();
    let Some(fields) = item.as_object() else { return };
    let rest = fields.keys().map(String::as_str).filter(|name| !FIRST.contains(name));
    for name in FIRST.iter().copied().chain(rest) {
        if let Some(value) = fields.get(name).filter(|value| !is_empty(value)) {
            table.add_row([name.to_owned(), text(Some(value))]);
        }
    }
    say!("{table}");
}

fn table() -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    }
}

fn text(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => "–".into(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(items)) if items.iter().all(Value::is_string) => {
            items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ")
        }
        Some(other @ (Value::Array(_) | Value::Object(_))) => serde_json::to_string_pretty(other).unwrap_or_default(),
        Some(other) => other.to_string(),
    }
}
