use gancho_model::{Condition, Endpoint, Template, mask};
use serde_json::{Map, Value, json};

/// The differences, without secrets: old and new values by field.
pub(super) fn difference(old: &Endpoint, new: &Endpoint) -> Map<String, Value> {
    let (old, new) = (shown(old), shown(new));
    let differs = |(field, value): &(&String, &Value)| old.get(*field) != Some(*value);
    new.iter().filter(differs).map(|(field, value)| (field.clone(), json!([old.get(field), value]))).collect()
}

/// The editable fields of an endpoint, secrets masked.
fn shown(endpoint: &Endpoint) -> Map<String, Value> {
    let headers: Map<String, Value> =
        endpoint.headers.keys().map(|name| (name.clone(), Value::from(mask::MASK))).collect();
    let fields = json!({
        "url": mask::url(&endpoint.url),
        "name": endpoint.name,
        "description": endpoint.description,
        "events": endpoint.events,
        "sources": endpoint.sources,
        "enabled": endpoint.enabled,
        "paused": endpoint.paused,
        "headers": headers,
        "timeout_ms": endpoint.timeout_ms,
        "retry": endpoint.retry,
        "rate_per_s": endpoint.rate_per_s,
        "max_in_flight": endpoint.max_in_flight,
        "condition": endpoint.condition.as_ref().map(Condition::as_str),
        "template": endpoint.template.as_ref().map(Template::as_str),
        "ignore_origins": endpoint.ignore_origins,
        "companies": endpoint.companies,
        "include": endpoint.include,
        "mask": endpoint.mask,
    });
    match fields {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}
