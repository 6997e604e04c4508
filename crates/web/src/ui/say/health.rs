use gancho_model::{Endpoint, ErrorKind, Health, HealthState, Moment, Said, Tally};
use gancho_store::Standing;
use gancho_words::Words;

/// What is known of an endpoint at a moment.
pub(crate) struct Condition<'a> {
    pub endpoint: &'a Endpoint,
    pub standing: Standing,
    /// Its last 24 hours.
    pub day: Tally,
    pub now: Moment,
}

/// How an endpoint does, in words: "Falla desde hace 3 h: 503 en 14 de 14 intentos; próximo intento en
/// 12 min; 41 en espera".
pub(crate) fn health(words: &Words, condition: &Condition<'_>) -> String {
    let Condition { endpoint, standing, day, now, .. } = condition;
    let health = &endpoint.health;
    let waiting = || Said::plain("health-waiting").with("count", standing.pending);
    let said = match health.state(endpoint.enabled, endpoint.paused) {
        HealthState::Idle => Said::plain("health-idle-sentence").with("waiting", waiting()),
        HealthState::Paused => Said::plain("health-paused-sentence").with("waiting", waiting()),
        HealthState::Disabled => disabled(endpoint, waiting()),
        HealthState::Failing => failing(words, condition, waiting()),
        HealthState::Ok if health.consecutive_failures > 0 => Said::plain("health-shaky-sentence")
            .with("count", health.consecutive_failures)
            .with("answer", answer(&condition.endpoint.health))
            .with("waiting", waiting()),
        HealthState::Ok if day.success().is_none() => {
            let last = health.last_success_at.map_or_else(String::new, |at| words.ago(at, now.wall));
            Said::plain("health-quiet-sentence").with("last", last).with("waiting", waiting())
        }
        HealthState::Ok => {
            let last = health.last_success_at.map_or_else(String::new, |at| words.ago(at, now.wall));
            let share = day.success().map_or_else(|| "–".to_owned(), |share| words.percent(share));
            Said::plain("health-ok-sentence").with("last", last).with("share", share).with("waiting", waiting())
        }
    };
    words.said(&said)
}

fn disabled(endpoint: &Endpoint, waiting: Said) -> Said {
    let id = match endpoint.disabled_reason.as_deref() {
        Some("gone") => "health-gone-sentence",
        Some(_) => "health-given-up-sentence",
        None => "health-disabled-sentence",
    };
    Said::plain(id).with("waiting", waiting)
}

fn failing(words: &Words, condition: &Condition<'_>, waiting: Said) -> Said {
    let health = &condition.endpoint.health;
    let since = health.failures_since.map_or(0, |since| condition.now.wall.since_ms(since));
    let next = match health.probe_at {
        Some(at) if at > condition.now.mono && !health.is_probe_requested() => {
            words.ago(condition.now.shown(at), condition.now.wall)
        }
        _ => words.get("time-now"),
    };
    Said::plain("health-failing-sentence")
        .with("span", words.span(since))
        .with("answer", answer(&condition.endpoint.health))
        .with("count", health.consecutive_failures)
        .with("next", next)
        .with("waiting", waiting)
}

/// What came back, in a word: a status, or how it failed.
fn answer(health: &Health) -> Said {
    match (health.last_status, health.last_error) {
        (Some(status), _) => Said::plain("answer-status").with("code", status.to_string()),
        (None, Some(kind)) => Said::plain(match kind {
            ErrorKind::Dns => "answer-dns",
            ErrorKind::Connect => "answer-connect",
            ErrorKind::Tls => "answer-tls",
            ErrorKind::Timeout => "answer-timeout",
            ErrorKind::Blocked => "answer-blocked",
            ErrorKind::Protocol | ErrorKind::Status => "answer-protocol",
        }),
        (None, None) => Said::plain("answer-error"),
    }
}
