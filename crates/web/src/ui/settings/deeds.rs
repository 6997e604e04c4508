//! Who did what, in words.

use gancho_model::{Deed, Said};
use gancho_words::Words;
use serde_json::Value;

use crate::{App, api::problem::Answer};

/// Deeds, newest first, each with a sentence and what changed.
pub(crate) async fn read(
    app: &App,
    words: &Words,
    object: Option<String>,
    limit: usize,
) -> Answer<Vec<(Deed, String, String)>> {
    let found = app.store.deeds(object, None, limit).await?;
    let told = |deed: Deed| {
        let id = format!("deed-{}", deed.action.replace(['.', '_'], "-"));
        let sentence = if words.has(&id) { words.get(&id) } else { deed.action.clone() };
        let details = details(words, &deed);
        (deed, sentence, details)
    };
    Ok(found.items.into_iter().map(told).collect())
}

fn details(words: &Words, deed: &Deed) -> String {
    let one = |(field, value): (&String, &Value)| match value {
        Value::Array(sides) if sides.len() == 2 => {
            let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
            let said = Said::plain("deed-field")
                .with("field", field.as_str())
                .with("old", text(&sides[0]))
                .with("new", text(&sides[1]));
            words.said(&said)
        }
        Value::Number(count) => words.count("deed-count", count.as_u64().unwrap_or(0)),
        other => format!("{field}: {other}"),
    };
    deed.details.iter().map(one).collect::<Vec<_>>().join("; ")
}
