//! Between a form and what the API reads.

use gancho_model::{Endpoint, Source, mask};
use serde_json::{Map, Value, json};

use super::tree;
use crate::ui::form::Form;

/// The form of an endpoint, filled in as it is.
pub(super) fn form(endpoint: &Endpoint) -> Form {
    let number = |number: Option<u32>| number.map(|number| number.to_string()).unwrap_or_default();
    let patterns = endpoint.events.iter().map(ToString::to_string);
    let (picked, more): (Vec<String>, Vec<String>) = patterns.partition(|pattern| tree::holds(pattern));
    let headers: Vec<String> = endpoint.headers.keys().map(|name| format!("{name}: {}", mask::MASK)).collect();
    let delays: Vec<String> = endpoint.retry.delays_s.iter().map(ToString::to_string).collect();
    let mut fields = vec![
        ("url", endpoint.url.clone()),
        ("name", endpoint.name.clone().unwrap_or_default()),
        ("description", endpoint.description.clone().unwrap_or_default()),
        ("more", more.join(", ")),
        ("headers", headers.join("\n")),
        ("timeout_ms", endpoint.timeout_ms.to_string()),
        ("retry", delays.join(", ")),
        ("rate_per_s", number(endpoint.rate_per_s)),
        ("max_in_flight", number(endpoint.max_in_flight)),
    ];
    fields.extend(picked.into_iter().map(|pattern| ("events", pattern)));
    fields.extend(endpoint.sources.iter().map(|source| ("sources", source.to_string())));
    Form::filled(fields)
}

/// What the API reads, from a form. Whatever makes no sense is left for it to refuse by name.
pub(super) fn input(form: &Form, is_new: bool) -> Value {
    let more = form.value("more").split(',').map(str::trim).filter(|pattern| !pattern.is_empty());
    let events: Vec<&str> = form.values("events").into_iter().chain(more).collect();
    let delays = form.value("retry").split([',', ' ']).map(str::trim).filter(|delay| !delay.is_empty());
    let delays: Vec<Value> =
        delays.map(|delay| delay.parse::<i64>().map_or_else(|_| delay.into(), Value::from)).collect();
    let mut input = json!({
        "url": form.json_text("url"),
        "name": form.json_text("name"),
        "description": form.json_text("description"),
        "events": events,
        "headers": headers(form.value("headers")),
        "rate_per_s": form.json_number("rate_per_s"),
        "max_in_flight": form.json_number("max_in_flight"),
    });
    // Where the form shows no sources, none were unchecked.
    if form.has("sources_shown", "yes") {
        input["sources"] = form.values("sources").into();
    }
    let timeout = form.json_number("timeout_ms");
    if !timeout.is_null() {
        input["timeout_ms"] = timeout;
    }
    if !delays.is_empty() || !is_new {
        input["retry"] = json!({ "delays_s": delays });
    }
    if is_new {
        input["secret"] = form.json_text("secret");
    }
    input
}

/// Picked sources that are no more.
pub(super) fn removed_sources(form: &Form, sources: &[Source]) -> Vec<String> {
    let picked = form.values("sources").into_iter();
    let gone = picked.filter(|id| !sources.iter().any(|source| source.id.to_string() == **id));
    gone.map(ToOwned::to_owned).collect()
}

/// `Name: value`, one a line. A line without a colon is a name that can't be.
fn headers(text: &str) -> Value {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let pair = |line: &str| match line.split_once(':') {
        Some((name, value)) => (name.trim().to_owned(), Value::from(value.trim())),
        None => (line.to_owned(), Value::Null),
    };
    Value::Object(lines.map(pair).collect::<Map<_, _>>())
}
