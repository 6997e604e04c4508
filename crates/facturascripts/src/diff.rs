//! What an update changed.

use gancho_model::Record;
use serde_json::Value;

use crate::{catalogue::Model, noise};

/// What an update changed.
pub(crate) struct Diff {
    /// The old values of all columns that changed.
    pub previous: Record,
    /// Whether any of them is news.
    pub is_news: bool,
}

/// Compares the columns that both sides have.
pub(crate) fn diff(name: &str, model: Option<&Model>, before: &Record, after: &Record) -> Diff {
    let lines_model = model.and_then(|model| model.lines);
    let mut previous = Record::new();
    let mut is_news = false;
    for (column, old) in before {
        let Some(new) = after.get(column) else { continue };
        let news = match lines_model {
            Some(lines) if column == "lines" => without_noise(lines, old) != without_noise(lines, new),
            _ => old != new && !noise::is_noise(name, column),
        };
        // Lines that changed only in what is derived are left out; a derived column beside news is shown.
        if news || (old != new && column != "lines") {
            previous.insert(column.clone(), old.clone());
        }
        is_news |= news;
    }
    Diff { previous, is_news }
}

fn without_noise(model: &str, lines: &Value) -> Value {
    let mut lines = lines.clone();
    for line in lines.as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
        line.retain(|column, _| !noise::is_noise(model, column));
    }
    lines
}
