//! Lists for people.

use comfy_table::{
    ContentArrangement, Table,
    presets::{NOTHING, UTF8_HORIZONTAL_ONLY},
};
use serde_json::Value;

/// Prints a list: each column is a title and where its value stands, such as `/health/state`.
pub fn print(items: &[Value], columns: &[(&str, &str)]) {
    let mut table = Table::new();
    table.load_style(UTF8_HORIZONTAL_ONLY).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(columns.iter().map(|(title, _)| *title));
    for item in items {
        table.add_row(columns.iter().map(|(_, place)| text(item.pointer(place))));
    }
    println!("{table}");
}

/// Prints one thing, field by field.
pub fn print_one(item: &Value) {
    let mut table = Table::new();
    table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    for (name, value) in item.as_object().into_iter().flatten() {
        table.add_row([name.clone(), text(Some(value))]);
    }
    println!("{table}");
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
