//! Converts between an endpoint's form and the use cases' input.

use gancho_model::{
    Condition, Endpoint, Include, Message, OriginReference, Source, SourceId, Template, limits::ATTEMPT_MS_MAX, mask,
};
use gancho_service::{
    endpoint::{EndpointPatch, NewEndpoint, Preset, RetryInput},
    input::{self, FieldError, HeaderFields, List, NewSecret, Patch, Reading, Subscription, Text, WebhookUrl, Whole},
};
use gancho_words::Words;
use serde_json::{Map, Value};

use super::tree;
use crate::ui::form::Form;

/// The form with an endpoint's current values.
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
        ("condition", endpoint.condition.as_ref().map(|one| one.as_str().to_owned()).unwrap_or_default()),
        ("template", endpoint.template.as_ref().map(|one| one.as_str().to_owned()).unwrap_or_default()),
        ("mask", endpoint.mask.join(", ")),
        ("companies", endpoint.companies.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")),
    ];
    fields.extend(endpoint.include.iter().map(|include| ("include", include.as_str().to_owned())));
    fields.extend(endpoint.ignore_origins.iter().map(|origin| ("ignore_origins", origin.as_str().to_owned())));
    fields.extend(picked.into_iter().map(|pattern| ("events", pattern)));
    fields.extend(endpoint.sources.iter().map(|source| ("sources", source.to_string())));
    Form::filled(fields)
}

/// The values of the form, for new and changed endpoints.
struct Filled {
    url: WebhookUrl,
    events: List<Subscription, 1, 100>,
    name: Option<Text<1, 100>>,
    description: Option<Text<0, 1000>>,
    headers: HeaderFields,
    sources: Option<List<SourceId, 0, 100>>,
    timeout_ms: Option<Whole<100, { ATTEMPT_MS_MAX as i64 }>>,
    retry: RetryInput,
    rate_per_s: Option<Whole<1, 100_000>>,
    max_in_flight: Option<Whole<1, 256>>,
    rules: Rules,
}

/// The rules in the form.
pub(super) struct Rules {
    pub condition: Option<Condition>,
    pub template: Option<Template>,
    pub ignore_origins: List<OriginReference, 0, 100>,
    pub companies: List<Whole<1, { i32::MAX as i64 }>, 0, 100>,
    pub include: List<Include, 0, 1>,
    pub mask: List<Text<1, 100>, 0, 50>,
}

/// Parses the rules. A preset supplies the template if none is entered.
pub(super) fn rules(form: &Form, words: &Words, reading: &mut Reading<'_>) -> Option<Rules> {
    let text = |name: &str| Some(form.value(name).trim().to_owned()).filter(|text| !text.is_empty());
    let condition = text("condition").map(|text| Condition::parse(&text)).transpose();
    let preset = Preset::find(form.value("preset")).map(|preset| preset.template(words));
    let template = text("template").or(preset).map(|text| Template::parse(&text)).transpose();
    let more = form.value("more_origins").split(',').map(str::trim).filter(|origin| !origin.is_empty());
    let origins: Vec<&str> = form.values("ignore_origins").into_iter().chain(more).collect();
    let origin = |text: &str| OriginReference::parse(text).ok_or_else(|| Message::new("error-origin"));
    let companies = form.value("companies").split([',', ' ']).map(str::trim).filter(|company| !company.is_empty());
    let companies: Vec<&str> = companies.collect();
    let condition = reading.field("condition", condition);
    let template = reading.field("template", template);
    let ignore_origins = reading.field("ignore_origins", List::read_each(origins.into_iter(), origin));
    let companies = reading.field("companies", List::read_each(companies.into_iter(), Whole::of_text));
    let include =
        |word: &str| Include::parse(word).ok_or_else(|| Message::new("error-one-of").with("words", "customer"));
    let include = reading.field("include", List::read_each(form.values("include").into_iter(), include));
    let masked: Vec<&str> =
        form.value("mask").split([',', ' ']).map(str::trim).filter(|field| !field.is_empty()).collect();
    let mask = reading.field("mask", List::read_each(masked.into_iter(), Text::new));
    Some(Rules {
        condition: condition?,
        template: template?,
        ignore_origins: ignore_origins?,
        companies: companies?,
        include: include?,
        mask: mask?,
    })
}

fn filled(form: &Form, words: &Words, reading: &mut Reading<'_>) -> Option<Filled> {
    let url = form.required("url").and_then(|text| WebhookUrl::new(text, reading.rules()));
    let url = reading.field("url", url);
    let events = reading.field("events", events(form));
    let name = reading.field("name", Text::filled(form.value("name")));
    let description = reading.field("description", Text::filled(form.value("description")));
    let headers = HeaderFields::of(headers(form.value("headers")), "headers", reading);
    // If the form shows no sources, none were deselected.
    let sources =
        if form.has("sources_shown", "yes") { reading.field("sources", sources(form)).map(Some) } else { Some(None) };
    let timeout_ms = reading.field("timeout_ms", Whole::filled(form.value("timeout_ms")));
    let delays = reading.field("retry", delays(form));
    let rate_per_s = reading.field("rate_per_s", Whole::filled(form.value("rate_per_s")));
    let max_in_flight = reading.field("max_in_flight", Whole::filled(form.value("max_in_flight")));
    let rules = rules(form, words, reading);
    Some(Filled {
        rules: rules?,
        url: url?,
        events: events?,
        name: name?,
        description: description?,
        headers,
        sources: sources?,
        timeout_ms: timeout_ms?,
        retry: RetryInput { delays_s: delays? },
        rate_per_s: rate_per_s?,
        max_in_flight: max_in_flight?,
    })
}

/// A new endpoint from the form.
pub(super) fn new_endpoint(form: &Form, words: &Words, by: input::Rules<'_>) -> Result<NewEndpoint, Vec<FieldError>> {
    let mut reading = Reading::new(by);
    let secret = reading.field("secret", NewSecret::filled(form.value("secret")));
    let new = filled(form, words, &mut reading).zip(secret).map(|(filled, secret)| NewEndpoint {
        id: None,
        url: filled.url,
        events: filled.events,
        name: filled.name,
        description: filled.description,
        secret,
        enabled: None,
        paused: None,
        headers: Some(filled.headers),
        sources: filled.sources,
        timeout_ms: filled.timeout_ms,
        // Empty delays of a new one mean the default.
        retry: Some(filled.retry).filter(|retry| !retry.delays_s.0.is_empty()),
        rate_per_s: filled.rate_per_s,
        max_in_flight: filled.max_in_flight,
        condition: filled.rules.condition,
        template: filled.rules.template,
        ignore_origins: Some(filled.rules.ignore_origins),
        companies: Some(filled.rules.companies),
        include: Some(filled.rules.include),
        mask: Some(filled.rules.mask),
    });
    reading.finish(new)
}

/// A change of an endpoint from the form: empty fields are cleared.
pub(super) fn patch(form: &Form, words: &Words, by: input::Rules<'_>) -> Result<EndpointPatch, Vec<FieldError>> {
    let mut reading = Reading::new(by);
    let patch = filled(form, words, &mut reading).map(|filled| EndpointPatch {
        url: Some(filled.url),
        events: Some(filled.events),
        name: Patch::filled(filled.name),
        description: Patch::filled(filled.description),
        headers: Patch::Set(filled.headers),
        sources: filled.sources.map_or(Patch::Keep, Patch::Set),
        timeout_ms: filled.timeout_ms,
        retry: Some(filled.retry),
        rate_per_s: Patch::filled(filled.rate_per_s),
        max_in_flight: Patch::filled(filled.max_in_flight),
        condition: Patch::filled(filled.rules.condition),
        template: Patch::filled(filled.rules.template),
        ignore_origins: Patch::Set(filled.rules.ignore_origins),
        companies: Patch::Set(filled.rules.companies),
        include: Patch::Set(filled.rules.include),
        mask: Patch::Set(filled.rules.mask),
        ..EndpointPatch::nothing()
    });
    reading.finish(patch)
}

/// Selected types, and patterns entered in addition.
pub(super) fn events<const MIN: usize, const MAX: usize>(form: &Form) -> Result<List<Subscription, MIN, MAX>, Message> {
    let more = form.value("more").split(',').map(str::trim).filter(|pattern| !pattern.is_empty());
    let all: Vec<&str> = form.values("events").into_iter().chain(more).collect();
    List::read_each(all.into_iter(), Subscription::new)
}

pub(super) fn sources<const MIN: usize, const MAX: usize>(form: &Form) -> Result<List<SourceId, MIN, MAX>, Message> {
    let wrong = |_| Message::new("error-id").with("prefix", SourceId::PREFIX);
    List::read_each(form.values("sources").into_iter(), |text| text.parse().map_err(wrong))
}

fn delays<const TO: i64, const MIN: usize, const MAX: usize>(
    form: &Form,
) -> Result<List<Whole<0, TO>, MIN, MAX>, Message> {
    let delays = form.value("retry").split([',', ' ']).map(str::trim).filter(|delay| !delay.is_empty());
    List::read_each(delays.collect::<Vec<_>>().into_iter(), Whole::of_text)
}

/// Selected sources that no longer exist.
pub(super) fn removed_sources(form: &Form, sources: &[Source]) -> Vec<String> {
    let picked = form.values("sources").into_iter();
    let gone = picked.filter(|id| !sources.iter().any(|source| source.id.to_string() == **id));
    gone.map(ToOwned::to_owned).collect()
}

/// `Name: value`, one per line. A line without a colon becomes an invalid name.
fn headers(text: &str) -> Map<String, Value> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let pair = |line: &str| match line.split_once(':') {
        Some((name, value)) => (name.trim().to_owned(), Value::from(value.trim())),
        None => (line.to_owned(), Value::Null),
    };
    lines.map(pair).collect()
}
