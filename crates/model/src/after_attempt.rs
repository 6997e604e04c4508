//! What an attempt makes of its delivery and of its endpoint. A store reads, asks here, and applies the effects.

use serde_json::json;

use crate::{
    AttemptEnd, Decision, DeliveryId, Endpoint, ErrorKind, Event, EventType, Health, HealthTransition, Moment,
    MonoTime, Priority, Rng, State, Timestamp, mask,
};

/// Why an endpoint is disabled that no person disabled.
const GONE: &str = "gone";
const FAILING: &str = "failing";

/// An attempt that ended, as far as its delivery and endpoint are concerned.
#[derive(Clone, Copy, Debug)]
pub struct EndedAttempt<'a> {
    /// Which delivery.
    pub delivery: DeliveryId,
    /// What was decided of the delivery when the attempt ended.
    pub decision: Decision,
    /// The queue that the delivery waited in.
    pub priority: Priority,
    /// The URL that was called.
    pub url: &'a str,
    /// The receiver answered `410 Gone`.
    pub gone: bool,
    /// The answer's status, if there was one.
    pub status: Option<u16>,
    /// How it failed.
    pub error: Option<ErrorKind>,
    /// The same in a sentence.
    pub message: Option<&'a str>,
    /// When it ended.
    pub ended_at: Moment,
    /// The jitter of the next probe, `0.0..1.0`.
    pub jitter: f64,
    /// [`Health::probe_requests`] when it began.
    pub probe_request: u32,
}

/// What becomes of a delivery: its state, and when it goes again if it waits. `has_more`: a person gave it more
/// attempts since this one began.
pub fn delivery_after(decision: Decision, has_more: bool, ended_at: MonoTime) -> (State, Option<MonoTime>) {
    match decision {
        Decision::Delivered => (State::Delivered, None),
        Decision::Retry { at } => (State::Pending, Some(at)),
        Decision::Failed if has_more => (State::Pending, Some(ended_at)),
        Decision::Failed => (State::Failed, None),
    }
}

/// What becomes of an endpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EndpointEffects {
    /// Its health from now on, if it changed.
    pub health: Option<Health>,
    /// The change of its health that is announced to people and programs, if any.
    pub transition: Option<HealthTransition>,
    /// It is disabled, for this reason.
    pub disabled: Option<&'static str>,
    /// Its waiting retries are due now.
    pub release_retries: bool,
    /// What failed since then is sent again.
    pub resend_since: Option<Timestamp>,
    /// Whoever keeps endpoints in memory must read it again.
    pub reload: bool,
}

/// Decides what an attempt makes of its endpoint, whose health was `before` it. `resend`: what failed during an outage
/// is sent again when it is over.
pub fn endpoint_after(endpoint: &Endpoint, before: Health, ended: &EndedAttempt<'_>, resend: bool) -> EndpointEffects {
    let success = ended.decision.is_success();
    let mut effects = EndpointEffects::default();
    // Of another URL it says nothing; of a disabled endpoint a test says nothing, nor one that failed.
    let is_test = ended.priority == Priority::Test;
    if ended.url != endpoint.url || (is_test && !(success && endpoint.enabled)) {
        return effects;
    }
    if !before.counts(ended.priority, success) {
        effects.release_retries = is_test && before.consecutive_failures > 0;
        return effects;
    }
    let mut health = before;
    let transition = health.note(AttemptEnd {
        success,
        plan: &endpoint.retry,
        now: ended.ended_at,
        jitter: ended.jitter,
        probe_request: ended.probe_request,
    });
    if !success {
        let is_same = (before.last_status, before.last_error) == (ended.status, ended.error);
        health.same_failures = if is_same && before.consecutive_failures > 0 { before.same_failures + 1 } else { 1 };
        (health.last_status, health.last_error) = (ended.status, ended.error);
        health.last_failed = Some(ended.delivery);
    }
    effects.health = Some(health);
    effects.reload = before.is_failing() || health.is_failing();
    effects.transition = if ended.gone && endpoint.enabled { Some(HealthTransition::Disabled) } else { transition };
    match effects.transition {
        Some(HealthTransition::Disabled) => {
            effects.disabled = Some(reason(ended));
            effects.reload = true;
        }
        Some(HealthTransition::Recovered) => {
            effects.release_retries = true;
            effects.resend_since = resend.then(|| before.failures_since.unwrap_or(ended.ended_at.wall));
        }
        _ => {}
    }
    effects
}

fn reason(ended: &EndedAttempt<'_>) -> &'static str {
    if ended.gone { GONE } else { FAILING }
}

/// A transition as an event of Gancho's own, for those who ask for `endpoint.*`. Secrets inside the URL are masked: it
/// goes to others than the endpoint itself.
pub fn announcement(
    endpoint: &Endpoint,
    transition: HealthTransition,
    before: &Health,
    ended: &EndedAttempt<'_>,
    rng: &dyn Rng,
) -> Option<Event> {
    let name = match transition {
        HealthTransition::Failing => "endpoint.failing",
        HealthTransition::Recovered => "endpoint.recovered",
        HealthTransition::Disabled => "endpoint.disabled",
    };
    let event = EventType::parse(name).ok()?;
    let object = json!({
        "id": endpoint.id, "name": endpoint.name, "url": mask::url(&endpoint.url),
        "failures_since": before.failures_since,
        "last_error": ended.message,
        "reason": (transition == HealthTransition::Disabled).then_some(reason(ended)),
    });
    Some(Event::own(event, object, endpoint.name.clone(), ended.ended_at.wall, rng))
}

#[cfg(test)]
#[path = "after_attempt_tests.rs"]
mod tests;
