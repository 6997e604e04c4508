use gancho_model::{Counters, Endpoint, ErrorKind, Health, HealthState, Message, Moment, State};
use gancho_store::{DeliveryFilter, EndpointBacklog};
use gancho_words::Words;

use crate::{ServiceResult, Services};

/// 23 hours plus the current one, milliseconds.
const DAY_MS: i64 = 23 * 3600 * 1000;

/// The state of an endpoint at a time.
pub struct HealthFacts<'a> {
    /// The endpoint.
    pub endpoint: &'a Endpoint,
    /// Its pending deliveries.
    pub backlog: EndpointBacklog,
    /// Its last 24 hours.
    pub day: Counters,
    /// Whether its condition or template skipped events; checked if nothing was sent yet.
    pub has_skipped: bool,
    /// Now.
    pub now: Moment,
}

impl Services {
    /// An endpoint's health as text.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn endpoint_summary(
        &self,
        endpoint: &Endpoint,
        backlog: EndpointBacklog,
        words: &Words,
    ) -> ServiceResult<String> {
        let now = self.environment.moment();
        let mut day = Counters::default();
        let hours = self.store.hours(now.wall.plus_ms(-DAY_MS)).await?;
        hours.iter().filter(|hour| hour.endpoint == endpoint.id).for_each(|hour| day.add(&hour.counters));
        let has_skipped = self.has_skipped_all(endpoint).await?;
        Ok(health_summary(words, &HealthFacts { endpoint, backlog, day, has_skipped, now }))
    }

    /// Whether an endpoint that never sent anything has skipped events.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn has_skipped_all(&self, endpoint: &Endpoint) -> ServiceResult<bool> {
        if endpoint.health.state(endpoint.enabled, endpoint.paused) != HealthState::Idle {
            return Ok(false);
        }
        let filter = DeliveryFilter { endpoint: Some(endpoint.id), state: Some(State::Skipped), ..Default::default() };
        Ok(!self.store.deliveries(None, filter, 1).await?.items.is_empty())
    }
}

/// An endpoint's health as text: "Falla desde hace 3 h: 503 en 14 de 14 intentos; próximo intento en 12 min; 41 en
/// espera".
pub fn health_summary(words: &Words, condition: &HealthFacts<'_>) -> String {
    let HealthFacts { endpoint, backlog, day, now, .. } = condition;
    let health = &endpoint.health;
    let waiting = || Message::new("health-waiting").with("count", backlog.pending);
    let message = match health.state(endpoint.enabled, endpoint.paused) {
        HealthState::Idle if condition.has_skipped => {
            Message::new("health-skipped-sentence").with("waiting", waiting())
        }
        HealthState::Idle => Message::new("health-idle-sentence").with("waiting", waiting()),
        HealthState::Paused => Message::new("health-paused-sentence").with("waiting", waiting()),
        HealthState::Disabled => disabled(endpoint, waiting()),
        HealthState::Failing => failing(words, condition, waiting()),
        HealthState::Ok if health.consecutive_failures > 0 && backlog.pending == 0 => {
            Message::new("health-shaky-idle-sentence")
                .with("count", health.consecutive_failures)
                .with("answer", answer(&condition.endpoint.health))
        }
        HealthState::Ok if health.consecutive_failures > 0 => Message::new("health-shaky-sentence")
            .with("count", health.consecutive_failures)
            .with("answer", answer(&condition.endpoint.health))
            .with("waiting", waiting()),
        HealthState::Ok if day.success().is_none() => {
            let last = health.last_success_at.map_or_else(String::new, |at| words.ago(at, now.wall));
            Message::new("health-quiet-sentence").with("last", last).with("waiting", waiting())
        }
        HealthState::Ok => {
            let last = health.last_success_at.map_or_else(String::new, |at| words.ago(at, now.wall));
            let share = day.success().map_or_else(|| "–".to_owned(), |share| words.percent(share));
            Message::new("health-ok-sentence").with("last", last).with("share", share).with("waiting", waiting())
        }
    };
    words.message(&message)
}

fn disabled(endpoint: &Endpoint, waiting: Message) -> Message {
    let id = match endpoint.disabled_reason.as_deref() {
        _ if endpoint.is_listener() => "health-listener-sentence",
        Some("gone") => "health-gone-sentence",
        Some(_) => "health-given-up-sentence",
        None => "health-disabled-sentence",
    };
    Message::new(id).with("waiting", waiting)
}

fn failing(words: &Words, condition: &HealthFacts<'_>, waiting: Message) -> Message {
    let health = &condition.endpoint.health;
    let since = health.failures_since.map_or(0, |since| condition.now.wall.since_ms(since));
    let message = |id| {
        Message::new(id)
            .with("span", words.span(since))
            .with("answer", answer(health))
            .with("same", if health.same_failures == 0 { health.consecutive_failures } else { health.same_failures })
            .with("count", health.consecutive_failures)
    };
    // Without pending deliveries, no attempt is scheduled.
    if condition.backlog.pending == 0 {
        return message("health-failing-idle-sentence");
    }
    let next = match health.probe_at {
        Some(at) if at > condition.now.mono && !health.is_probe_requested() => {
            words.ago(condition.now.shown(at), condition.now.wall)
        }
        _ => words.get("time-now"),
    };
    message("health-failing-sentence").with("next", next).with("waiting", waiting)
}

/// The last response: a status, or the kind of failure.
fn answer(health: &Health) -> Message {
    match (health.last_status, health.last_error) {
        (Some(status), _) => Message::new("answer-status").with("code", status.to_string()),
        (None, Some(kind)) => Message::new(match kind {
            ErrorKind::Dns => "answer-dns",
            ErrorKind::Connect => "answer-connect",
            ErrorKind::Tls => "answer-tls",
            ErrorKind::Timeout => "answer-timeout",
            ErrorKind::Blocked => "answer-blocked",
            ErrorKind::Protocol | ErrorKind::Status => "answer-protocol",
        }),
        (None, None) => Message::new("answer-error"),
    }
}
