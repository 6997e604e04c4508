//! Sentences for people: what an event is, how an endpoint does, why an attempt failed.

mod health;
mod value;
mod waiting;
mod why;

use gancho_facturascripts::event_types;
use gancho_model::{EventType, HealthState, State};
use gancho_words::Words;

pub(crate) use health::{Condition, health};
pub(crate) use value::{column, value};
pub(crate) use waiting::waiting;
pub(crate) use why::why;

/// An event in words, with its document: `Factura de cliente F2026A12 cobrada`.
pub(crate) fn event(words: &Words, event: &EventType, label: Option<&str>) -> String {
    let label = label.map(|label| format!(" {label}")).unwrap_or_default();
    if let Some(known) = event_types::known_type(event) {
        let (noun, verb) = (words.noun(known.model.name), words.verb(known.model.name, known.spoken_verb()));
        return format!("{noun}{label} {verb}");
    }
    let own = format!("own-{}", event.as_str().replace(['.', '_'], "-"));
    let name = if words.has(&own) { words.get(&own) } else { event.as_str().to_owned() };
    format!("{name}{label}")
}

/// The title of a type, without a document.
pub(crate) fn title(words: &Words, kind: &EventType) -> String {
    event(words, kind, None)
}

/// A delivery's state: the word, and its colour's name.
pub(crate) fn state(words: &Words, state: State) -> (String, &'static str) {
    let colour = match state {
        State::Delivered => "good",
        State::Pending => "busy",
        State::Failed => "bad",
        State::Cancelled | State::Skipped => "off",
    };
    (words.get(&format!("state-{}", state.as_str())), colour)
}

/// An endpoint's state: the word, and its colour's name.
pub(crate) fn health_state(words: &Words, state: HealthState) -> (String, &'static str) {
    let (id, colour) = match state {
        HealthState::Idle => ("health-idle", "busy"),
        HealthState::Ok => ("health-ok", "good"),
        HealthState::Failing => ("health-failing", "bad"),
        HealthState::Paused => ("health-paused", "warn"),
        HealthState::Disabled => ("health-disabled", "off"),
    };
    (words.get(id), colour)
}
