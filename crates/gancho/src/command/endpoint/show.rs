use serde_json::{Map, Value};

use super::{name, state};
use crate::{
    api_client::ApiClient,
    command::table,
    terminal::{self, Style, paint},
};

/// A webhook: its health in a sentence, then its settings.
pub fn show(api: &ApiClient, endpoint: &Value) {
    if api.json {
        say!("{endpoint}");
        return;
    }
    let health = &endpoint["health"];
    let state = state(endpoint);
    say!("{}  {}", paint(&name(endpoint), Style::Bold), paint(state, Style::of_state(state)));
    if let Some(summary) = health["summary"].as_str() {
        say!("{summary}");
    }
    say!("");
    let field = |name: &str| table::text_or_nothing(&endpoint[name]);
    table::print_facts(&[
        ("secret", field("secret")),
        ("url", field("url")),
        ("events", field("events")),
        ("sources", field("sources")),
        ("description", field("description")),
        ("headers", endpoint["headers"].as_object().map(headers).unwrap_or_default()),
        ("retry after", retries(&endpoint["retry"]["delays_s"])),
        ("time limit", format!("{} ms", table::text(&endpoint["timeout_ms"]))),
        ("rate", endpoint["rate_per_s"].as_u64().map(|rate| format!("{rate} a second")).unwrap_or_default()),
        ("at once", field("max_in_flight")),
        ("condition", field("condition")),
        ("ignores", field("ignore_origins")),
        ("companies", field("companies")),
        ("includes", field("include")),
        ("masks", field("mask")),
        ("template", field("template")),
        ("made", terminal::full(&field("created_at"))),
        ("id", field("id")),
    ]);
}

fn retries(delays_s: &Value) -> String {
    match delays_s.as_array() {
        Some(delays) if !delays.is_empty() => format!("{} s", table::text(delays_s)),
        _ => "never: one attempt only".to_owned(),
    }
}

fn headers(headers: &Map<String, Value>) -> String {
    headers.keys().map(|name| format!("{name}: ***")).collect::<Vec<_>>().join("\n")
}
