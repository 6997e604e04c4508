//! Effects of an attempt on its delivery and endpoint. A store reads, calls these functions, and applies the effects.

use serde_json::json;

use crate::{
    AttemptEnd, Decision, DeliveryId, Endpoint, ErrorKind, Event, EventType, Health, HealthTransition, Moment,
    MonoTime, Priority, Rng, State, Timestamp, mask,
};

/// The reason for disabling an endpoint that answered 410.
const GONE: &str = "gone";
const FAILING: &str = "failing";

/// An ended attempt, as far as its delivery and endpoint are concerned.
#[derive(Clone, Copy, Debug)]
pub struct EndedAttempt<'a> {
    /// Its delivery.
    pub delivery: DeliveryId,
    /// The decision about the delivery.
    pub decision: Decision,
    /// The delivery's queue.
    pub priority: Priority,
    /// The URL that was called.
    pub url: &'a str,
    /// The receiver answered `410 Gone`.
    pub gone: bool,
    /// The response's status, if any.
    pub status: Option<u16>,
    /// The kind of failure.
    pub error: Option<ErrorKind>,
    /// The failure's message.
    pub message: Option<&'a str>,
    /// When it ended.
    pub ended_at: Moment,
    /// The jitter of the next probe, `0.0..1.0`.
    pub jitter: f64,
    /// [`Health::probe_requests`] when it began.
    pub probe_request: u32,
}

/// The delivery's next state, and its due time if it is pending. `has_more`: a user added attempts since this one
/// began.
pub fn delivery_after(decision: Decision, has_more: bool, ended_at: MonoTime) -> (State, Option<MonoTime>) {
    match decision {
        Decision::Delivered => (State::Delivered, None),
        Decision::Retry { at } => (State::Pending, Some(at)),
        Decision::Failed if has_more => (State::Pending, Some(ended_at)),
        Decision::Failed => (State::Failed, None),
    }
}

/// Effects on an endpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EndpointEffects {
    /// Its new health, if changed.
    pub health: Option<Health>,
    /// The change of health to announce to users and programs, if any.
    pub transition: Option<HealthTransition>,
    /// The reason for disabling it.
    pub disabled: Option<&'static str>,
    /// Its waiting retries are due now.
    pub release_retries: bool,
    /// Resend what failed since then.
    pub resend_since: Option<Timestamp>,
    /// Caches of endpoints must be reloaded.
    pub reload: bool,
}

/// Decides an attempt's effects on its endpoint, whose health was `before` it. `resend`: whether deliveries that failed
/// during an outage are resent when it is over.
pub fn endpoint_after(endpoint: &Endpoint, before: Health, ended: &EndedAttempt<'_>, resend: bool) -> EndpointEffects {
    let success = ended.decision.is_success();
    let mut effects = EndpointEffects::default();
    // An attempt at another URL proves nothing; for a disabled endpoint neither do tests or failures.
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

/// A transition as an event of Gancho's own, for subscribers of `endpoint.*`. Secrets in the URL are masked: others
/// than the endpoint receive it.
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
