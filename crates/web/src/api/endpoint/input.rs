//! What people say of an endpoint, checked.

use std::collections::BTreeMap;

use gancho_model::{
    Endpoint, Message, Pattern, RetryPolicy, Secret, SourceId,
    address::Allowed,
    header,
    limits::{ATTEMPT_MS_MAX, DELAY_S_MAX, RETRIES_MAX},
    mask, target,
};
use serde_json::Value;
use utoipa::ToSchema;

use crate::api::{fields::Fields, read};

/// An endpoint to be made, or what is to be changed of one.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the shape for the document; bodies are read field by field")]
pub(crate) struct EndpointInput {
    /// http or https, without credentials.
    url: Option<String>,
    /// Types and patterns such as `invoice.*`; at least one.
    events: Option<Vec<String>>,
    name: Option<String>,
    description: Option<String>,
    /// A secret of your own, 8 to 256 characters; made if left out. Only when it is made.
    secret: Option<String>,
    enabled: Option<bool>,
    paused: Option<bool>,
    /// Header fields to add to every delivery.
    headers: Option<BTreeMap<String, String>>,
    /// Only events of these sources.
    sources: Option<Vec<String>>,
    timeout_ms: Option<u32>,
    #[schema(value_type = Option<Object>)]
    retry: Option<RetryPolicy>,
    rate_per_s: Option<u32>,
    max_in_flight: Option<u32>,
}

/// Reads a new URL; `known` is the one that the endpoint has, which stays as it is, whatever the rules for new ones are today.
pub(crate) fn url<'a>(
    allowed: &'a Allowed,
    known: Option<&'a str>,
) -> impl FnOnce(Value) -> Result<String, Message> + 'a {
    move |value| match value {
        Value::String(text) if target::parse(&text).is_ok_and(|url| known == Some(url.as_str())) => {
            Ok(known.unwrap_or_default().to_owned())
        }
        Value::String(text) => target::parse_new(&text, allowed).map(String::from).map_err(|error| error.message()),
        _ => Err(Message::new("error-text")),
    }
}

pub(crate) fn events(value: Value) -> Result<Vec<Pattern>, Message> {
    read::list(1, 100, read::pattern)(value)
}

pub(crate) fn secret(value: Value) -> Result<Secret, Message> {
    let text = read::text(8, 256)(value)?;
    let good = text.chars().all(|letter| !letter.is_whitespace());
    let secret = Secret::new(text);
    match secret.standard_key() {
        _ if !good => Err(Message::new("error-blanks")),
        None if secret.expose().starts_with(Secret::PREFIX) => Err(Message::new("error-whsec")),
        Some(key) if !(24..=64).contains(&key.len()) => Err(Message::new("error-whsec-length")),
        _ => Ok(secret),
    }
}

/// Reads the fields that may be set at any time into the endpoint.
pub(crate) fn apply(fields: &mut Fields<'_>, endpoint: &mut Endpoint) {
    if let Some(name) = fields.changed("name", read::text(1, 100)) {
        endpoint.name = name;
    }
    if let Some(description) = fields.changed("description", read::text(0, 1000)) {
        endpoint.description = description;
    }
    if let Some(enabled) = fields.optional("enabled", read::flag) {
        if endpoint.enabled != enabled {
            endpoint.disabled_reason = None;
        }
        endpoint.enabled = enabled;
    }
    if let Some(paused) = fields.optional("paused", read::flag) {
        endpoint.paused = paused;
    }
    if let Some(sources) = fields.changed("sources", read::list(0, 100, read::id::<SourceId>)) {
        endpoint.sources = sources.unwrap_or_default();
    }
    if let Some(timeout_ms) = fields.optional("timeout_ms", read::number(100, ATTEMPT_MS_MAX.into())) {
        endpoint.timeout_ms = timeout_ms as u32;
    }
    if let Some(rate) = fields.changed("rate_per_s", read::number(1, 100_000)) {
        endpoint.rate_per_s = rate.map(|rate| rate as u32);
    }
    if let Some(most) = fields.changed("max_in_flight", read::number(1, 256)) {
        endpoint.max_in_flight = most.map(|most| most as u32);
    }
    let delays = |retry: &mut Fields<'_>| {
        retry.required("delays_s", read::list(0, RETRIES_MAX, read::number(0, DELAY_S_MAX.into())))
    };
    if let Some(delays) = fields.inside("retry", delays) {
        endpoint.retry = RetryPolicy { delays_s: delays.into_iter().map(|delay| delay as u32).collect() };
    }
    if let Some(headers) = fields.changed("headers", read::record) {
        endpoint.headers = headers_of(fields, headers.unwrap_or_default(), &endpoint.headers);
    }
    for later in ["condition", "template"] {
        if fields.changed(later, Ok).flatten().is_some() {
            fields.wrong(later, Message::new("error-later"));
        }
    }
}

/// Header fields; a masked value stands for the one that is known already.
fn headers_of(
    fields: &mut Fields<'_>,
    given: serde_json::Map<String, Value>,
    known: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let mut headers: BTreeMap<String, String> = BTreeMap::new();
    if given.len() > header::COUNT_MAX {
        fields.wrong("headers", Message::new("error-at-most").with("max", header::COUNT_MAX));
    }
    for (name, value) in given {
        let place = format!("headers.{name}");
        let Value::String(mut value) = value else {
            fields.wrong(&place, Message::new("error-text"));
            continue;
        };
        if value == mask::MASK {
            match known.iter().find(|(known, _)| known.eq_ignore_ascii_case(&name)) {
                Some((_, known)) => value.clone_from(known),
                // It was dropped, or never there.
                None => continue,
            }
        }
        if headers.keys().any(|other| other.eq_ignore_ascii_case(&name)) {
            fields.wrong(&place, Message::new("error-twice"));
        }
        if let Err(error) = header::check(&name, &value) {
            fields.wrong(&place, error.message());
        }
        headers.insert(name, value);
    }
    headers
}
