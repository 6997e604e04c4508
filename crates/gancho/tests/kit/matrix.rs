//! What was heard, beside what the docs say.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::replay::Heard;

/// No secret of the recording may be in an event: it marks them so.
const SECRETS: &[&str] = &["REDACTED", "logkey", "two_factor_secret_key", "apikey"];

/// Says where the engines differ from the docs or from each other.
pub fn compare(docs: &str, mariadb: &[Heard], postgres: &[Heard]) -> Vec<String> {
    let expected = rows(docs);
    let mut wrong = vec![];
    for (one, other) in mariadb.iter().zip(postgres) {
        let name = &one.operation;
        let said = summary(one);
        if expected.get(name.as_str()) != Some(&said.as_str()) {
            wrong.push(format!("| {name} | {said} |\n  docs: {}", expected.get(name.as_str()).unwrap_or(&"nothing")));
        }
        if summary(other) != said {
            wrong.push(format!("{name}: PostgreSQL makes {}", summary(other)));
        }
        for (one, other) in one.events.iter().zip(&other.events) {
            wrong.extend(difference(name, &timeless(one), &timeless(other)));
        }
        for secret in SECRETS {
            if one.events.iter().chain(&other.events).any(|event| event["data"].to_string().contains(secret)) {
                wrong.push(format!("{name}: {secret} stands in an event"));
            }
        }
    }
    if (mariadb.len(), postgres.len()) != (expected.len(), expected.len()) {
        wrong.push(format!("{} operations in the docs, {} and {}", expected.len(), mariadb.len(), postgres.len()));
    }
    wrong
}

/// Says where the plugin by itself makes another `data` than with a server.
pub fn same(with_server: &[Heard], alone: &[Heard]) -> Vec<String> {
    let of_operation = |(one, other): (&Heard, &Heard)| -> Vec<String> {
        let lengths = (one.events.len() != other.events.len())
            .then(|| format!("{}: another number of events alone", one.operation));
        let differs = |(one_event, other_event): (&Value, &Value)| {
            let (with, by_itself) = (timeless(one_event), timeless(other_event));
            (with != by_itself).then(|| format!("{}: with a server {with}\n  by itself {by_itself}", one.operation))
        };
        lengths.into_iter().chain(one.events.iter().zip(&other.events).filter_map(differs)).collect()
    };
    with_server.iter().zip(alone).flat_map(of_operation).collect()
}

/// The table's rows: an operation and its events.
fn rows(docs: &str) -> BTreeMap<&str, &str> {
    let cells = docs.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |")?.split_once(" | "));
    cells.filter(|(name, _)| name.starts_with(|first: char| first.is_ascii_digit())).collect()
}

/// Types with their objects: `invoice.created 1 (3 lines)`.
fn summary(heard: &Heard) -> String {
    let one = |event: &Value| {
        let object = &event["data"]["object"];
        let keys = ["codigo", "idrecibo", "idpago", "idstock", "idvariante", "idproducto", "idcontacto"];
        let keys = keys.iter().chain(&["codcliente", "codproveedor", "nick"]);
        let key = keys.filter_map(|key| object.get(*key)).find(|key| !key.is_null());
        let key = key.map(|key| key.as_str().map_or_else(|| key.to_string(), ToOwned::to_owned));
        let lines = object["lines"].as_array().map(|lines| format!(" ({} lines)", lines.len()));
        format!("{} {}{}", event["event"].as_str().unwrap_or("?"), key.unwrap_or_default(), lines.unwrap_or_default())
    };
    match &heard.events[..] {
        [] => "nothing".into(),
        events => events.iter().map(one).collect::<Vec<_>>().join(", "),
    }
}

/// An event without what differs between two recordings: ids, and the clock of the day.
pub fn timeless(event: &Value) -> Value {
    const CLOCK: &[&str] = &["hora", "actualizado", "lastactivity", "lastip", "lastbrowser"];
    fn strip(value: &Value) -> Value {
        match value {
            Value::Object(map) => {
                let kept = map.iter().filter(|(name, _)| !CLOCK.contains(&name.as_str()));
                kept.map(|(name, value)| (name.clone(), strip(value))).collect()
            }
            Value::Array(items) => items.iter().map(strip).collect(),
            other => other.clone(),
        }
    }
    strip(&event["data"])
}

fn difference(operation: &str, one: &Value, other: &Value) -> Option<String> {
    (one != other).then(|| format!("{operation}: the engines differ\n  MariaDB    {one}\n  PostgreSQL {other}"))
}
