//! Texts for users: event titles, states, reasons of failures.

mod browser;
mod value;

use gancho_model::{Endpoint, EventType, HealthState, State};
use gancho_words::Words;

pub(crate) use browser::browser;
pub(crate) use gancho_service::{
    endpoint::{HealthFacts, health_summary},
    event::title as event,
};
pub(crate) use value::{column, value};

/// The title of a type, without a document.
pub(crate) fn title(words: &Words, kind: &EventType) -> String {
    event(words, kind, None)
}

/// A delivery's state: its name and its colour.
pub(crate) fn state(words: &Words, state: State) -> (String, &'static str) {
    let colour = match state {
        State::Delivered => "good",
        State::Pending => "busy",
        State::Failed => "bad",
        State::Cancelled | State::Skipped => "off",
    };
    (words.get(&format!("state-{}", state.as_str())), colour)
}

/// An endpoint's state: its name and its colour. If its last attempts failed it is not shown as ok, even if it is not
/// failing yet.
pub(crate) fn health_state(words: &Words, endpoint: &Endpoint) -> (String, &'static str) {
    let (id, colour) = match endpoint.health.state(endpoint.enabled, endpoint.paused) {
        _ if endpoint.is_listener() => ("health-listener", "busy"),
        HealthState::Idle => ("health-idle", "busy"),
        HealthState::Ok if endpoint.health.consecutive_failures > 0 => ("health-shaky", "warn"),
        HealthState::Ok => ("health-ok", "good"),
        HealthState::Failing => ("health-failing", "bad"),
        HealthState::Paused => ("health-paused", "warn"),
        HealthState::Disabled => ("health-disabled", "off"),
    };
    (words.get(id), colour)
}
