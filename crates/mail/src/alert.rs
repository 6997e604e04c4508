//! Decides which alerts to send, and when. Pure.

use gancho_model::{Endpoint, Timestamp};
use gancho_service::SourceStatus;
use serde::{Deserialize, Serialize};

/// One day before the limit of five days of failures, milliseconds.
const SOON_MS: i64 = 4 * 24 * 3600 * 1000;
/// How long a source is down before an alert, milliseconds.
const DOWN_MS: i64 = 3600 * 1000;

/// The last alert about an endpoint or source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertState {
    /// A delivery failed for good, the first of this outage.
    First,
    /// It will be disabled within a day.
    Soon,
    /// It was disabled.
    Disabled,
    /// The source is down.
    Down,
}

/// An alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alert {
    /// As [`AlertState::First`].
    First,
    /// As [`AlertState::Soon`].
    Soon,
    /// As [`AlertState::Disabled`].
    Disabled,
    /// The endpoint works again.
    Recovered,
    /// As [`AlertState::Down`].
    Down,
    /// The source works again.
    Up,
}

/// The alert about an endpoint, and the new alert state. `lost`: whether a delivery failed for good since the failures
/// began.
pub fn of_endpoint(endpoint: &Endpoint, lost: bool, last: Option<AlertState>) -> Option<(Alert, Option<AlertState>)> {
    if !endpoint.enabled {
        // An endpoint disabled by a user needs no alert.
        let is_due = endpoint.disabled_reason.is_some() && last != Some(AlertState::Disabled);
        return is_due.then_some((Alert::Disabled, Some(AlertState::Disabled)));
    }
    if endpoint.health.failures_since.is_none() {
        // A re-enabled endpoint has not recovered yet: a delivery must have succeeded since.
        let arrived = endpoint.health.last_success_at.is_some_and(|at| at > endpoint.updated_at);
        return last.filter(|last| *last != AlertState::Disabled || arrived).map(|_| (Alert::Recovered, None));
    }
    let soon = endpoint.health.is_failing() && endpoint.health.failing_ms >= SOON_MS;
    match last {
        None | Some(AlertState::First | AlertState::Disabled) if soon => Some((Alert::Soon, Some(AlertState::Soon))),
        None | Some(AlertState::Disabled) if lost => Some((Alert::First, Some(AlertState::First))),
        _ => None,
    }
}

/// The alert about a source, and the new alert state.
pub fn of_source(
    status: &SourceStatus,
    last: Option<AlertState>,
    now: Timestamp,
) -> Option<(Alert, Option<AlertState>)> {
    let long = status.down_since.is_some_and(|since| now.since_ms(since) >= DOWN_MS);
    match (status.down && long, last) {
        (true, None) => Some((Alert::Down, Some(AlertState::Down))),
        (false, Some(_)) if !status.down => Some((Alert::Up, None)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use gancho_model::Health;
    use gancho_testkit::{ManualClock, endpoint};

    use super::*;

    #[test]
    fn an_outage_is_told_once_at_each_turn() {
        let (mut one, hour) = (endpoint(&ManualClock::new(1, 0)), |hours: i64| Timestamp::from_s(hours * 3600));
        assert_eq!(of_endpoint(&one, false, None), None);
        one.health.failures_since = Some(hour(1));
        assert_eq!(of_endpoint(&one, false, None), None, "attempts are left");
        assert_eq!(of_endpoint(&one, true, None), Some((Alert::First, Some(AlertState::First))));
        assert_eq!(of_endpoint(&one, true, Some(AlertState::First)), None, "once");
        one.health.failing_since = Some(hour(2));
        one.health.failing_ms = SOON_MS;
        assert_eq!(of_endpoint(&one, true, Some(AlertState::First)), Some((Alert::Soon, Some(AlertState::Soon))));
        assert_eq!(of_endpoint(&one, true, Some(AlertState::Soon)), None);
        (one.enabled, one.disabled_reason) = (false, Some("failing".into()));
        let disabled = Some((Alert::Disabled, Some(AlertState::Disabled)));
        assert_eq!(of_endpoint(&one, true, Some(AlertState::Soon)), disabled);
        assert_eq!(of_endpoint(&one, true, Some(AlertState::Disabled)), None);
        (one.enabled, one.disabled_reason, one.health) = (true, None, Health::default());
        one.updated_at = hour(123);
        assert_eq!(of_endpoint(&one, false, Some(AlertState::Disabled)), None, "nothing arrived yet");
        one.health.last_success_at = Some(hour(124));
        assert_eq!(of_endpoint(&one, false, Some(AlertState::Disabled)), Some((Alert::Recovered, None)));
        assert_eq!(of_endpoint(&one, false, None), None);
        one.enabled = false;
        assert_eq!(of_endpoint(&one, false, None), None, "a person did it");
    }

    #[test]
    fn a_source_is_told_after_an_hour() {
        let down = SourceStatus { down: true, down_since: Some(Timestamp::from_s(0)), ..SourceStatus::default() };
        assert_eq!(of_source(&down, None, Timestamp::from_s(3599)), None);
        assert_eq!(of_source(&down, None, Timestamp::from_s(3600)), Some((Alert::Down, Some(AlertState::Down))));
        assert_eq!(of_source(&down, Some(AlertState::Down), Timestamp::from_s(9999)), None);
        let up = SourceStatus::default();
        assert_eq!(of_source(&up, Some(AlertState::Down), Timestamp::from_s(9999)), Some((Alert::Up, None)));
        assert_eq!(of_source(&up, None, Timestamp::from_s(9999)), None);
    }
}
