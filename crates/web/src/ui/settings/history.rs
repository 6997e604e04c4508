//! The audit log.

use gancho_model::{AuditEntry, Message};
use gancho_words::Words;
use serde_json::Value;

use crate::{
    App,
    api::problem::Answer,
    ui::{page_context::PageContext, query::Query},
};

/// Entries per page.
const ENTRIES: usize = 50;

/// A page of entries.
#[derive(Default)]
pub(crate) struct AuditPage {
    /// Newest first, each with a sentence and its changes.
    pub rows: Vec<(AuditEntry, String, String)>,
    /// The link to older entries.
    pub older: Option<String>,
    /// The link to the newest entries, if these are not.
    pub newest: Option<String>,
}

/// The entries of an object, or all. `here` is the page that shows them.
pub(crate) async fn read(
    app: &App,
    context: &PageContext,
    object: Option<String>,
    query: &Query,
    here: &str,
) -> Answer<AuditPage> {
    let before = query.read("after", |text| text.parse().ok());
    let found = app.store.audit_entries(object, before, ENTRIES).await?;
    let shown = |entry: AuditEntry| {
        let (sentence, details) = (sentence(&context.words, &entry), details(&context.words, &entry));
        (entry, sentence, details)
    };
    Ok(AuditPage {
        rows: found.items.into_iter().map(shown).collect(),
        older: found.next.map(|next| context.link(format!("{here}&after={next}"))),
        newest: before.map(|_| context.link(here)),
    })
}

fn sentence(words: &Words, entry: &AuditEntry) -> String {
    let id = format!("deed-{}", entry.action.replace(['.', '_'], "-"));
    if words.has(&id) { words.get(&id) } else { entry.action.clone() }
}

fn details(words: &Words, entry: &AuditEntry) -> String {
    let one = |(field, value): (&String, &Value)| match value {
        Value::Array(sides) if sides.len() == 2 => {
            let message = Message::new("deed-field")
                .with("field", label(words, field))
                .with("old", shown(words, field, &sides[0]))
                .with("new", shown(words, field, &sides[1]));
            words.message(&message)
        }
        Value::Number(count) => words.count("deed-count", count.as_u64().unwrap_or(0)),
        // Only the fact of the change is stored.
        Value::Null => label(words, field),
        other => format!("{}: {}", label(words, field), shown(words, field, other)),
    };
    entry.details.iter().map(one).collect::<Vec<_>>().join("; ")
}

fn label(words: &Words, field: &str) -> String {
    let id = format!("deed-label-{}", field.replace('_', "-"));
    if words.has(&id) { words.get(&id) } else { field.to_owned() }
}

/// A formatted value.
fn shown(words: &Words, field: &str, value: &Value) -> String {
    match value {
        Value::Bool(yes) => words.get(if *yes { "yes" } else { "no" }),
        Value::String(role) if field == "role" => words.get(&format!("role-{role}")),
        Value::String(text) if !text.is_empty() => text.clone(),
        Value::Array(all) if !all.is_empty() => {
            all.iter().map(|one| shown(words, field, one)).collect::<Vec<_>>().join(", ")
        }
        // A retry policy.
        Value::Object(all) if all.contains_key("delays_s") => shown(words, field, &all["delays_s"]),
        Value::Object(all) if !all.is_empty() => all.keys().cloned().collect::<Vec<_>>().join(", "),
        Value::Number(number) => number.to_string(),
        _ => "–".into(),
    }
}
