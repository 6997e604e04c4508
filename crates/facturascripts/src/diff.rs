//! Compares the two sides of an update.

use gancho_model::Record;
use serde_json::Value;

use crate::{catalogue::Model, ignored};

/// The differences of an update.
pub(crate) struct Diff {
    /// The old values of the changed columns, without ignored ones: whether these are captured depends on the kind of
    /// source.
    pub previous: Record,
    /// Whether any of them is a relevant change.
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
            _ => old != new && !ignored::is_ignored(name, column),
        };
        if news {
            let shown = match lines_model {
                Some(lines) if column == "lines" => without_noise(lines, old),
                _ => old.clone(),
            };
            previous.insert(column.clone(), shown);
        }
        is_news |= news;
    }
    Diff { previous, is_news }
}

fn without_noise(model: &str, lines: &Value) -> Value {
    let mut lines = lines.clone();
    for line in lines.as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
        line.retain(|column, _| !ignored::is_ignored(model, column));
    }
    lines
}
