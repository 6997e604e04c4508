use serde::{Deserialize, Serialize};

use crate::{ErrorKind, Plan, Timestamp};

/// Failed attempts in a row after which an endpoint is failing.
pub const FAILING_AFTER: u32 = 10;
/// The longest wait between two probes of a failing endpoint, milliseconds.
pub const PROBE_MS_MAX: i64 = 600_000;
/// How long nothing but failures may last before the endpoint is disabled, milliseconds.
pub const DISABLE_AFTER_MS: i64 = 5 * 24 * 3600 * 1000;

/// How an endpoint has been answering.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// Failed attempts since the last success.
    pub consecutive_failures: u32,
    /// When the first of them was.
    pub failures_since: Option<Timestamp>,
    /// When it came to be failing, if it is.
    pub failing_since: Option<Timestamp>,
    /// While failing: when the next probe may go.
    pub probe_at: Option<Timestamp>,
    /// The last success.
    pub last_success_at: Option<Timestamp>,
    /// The last failure.
    pub last_failure_at: Option<Timestamp>,
    /// What came back then, if there was an answer.
    #[serde(default)]
    pub last_status: Option<u16>,
    /// How it failed.
    #[serde(default)]
    pub last_error: Option<ErrorKind>,
}

/// An endpoint's state in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HealthState {
    /// Nothing was sent yet.
    Idle,
    /// The last attempts went well, or too few failed to say more.
    Ok,
    /// It fails; one probe at a time.
    Failing,
    /// A person paused it: it collects and waits.
    Paused,
    /// It collects nothing; what waits keeps waiting.
    Disabled,
}

/// A turn for the worse or better that people and programs are told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// It has come to be failing.
    Failing,
    /// It works again.
    Recovered,
    /// It failed for so long that it is disabled.
    Disabled,
}

impl Health {
    /// Notes an attempt's end at `now`. `fraction` is the jitter of the next probe.
    pub fn note(&mut self, success: bool, plan: &Plan, now: Timestamp, fraction: f64) -> Option<Turn> {
        if success {
            let was_failing = self.failing_since.is_some();
            *self = Self { last_success_at: Some(now), last_failure_at: self.last_failure_at, ..Self::default() };
            return was_failing.then_some(Turn::Recovered);
        }
        self.consecutive_failures = self.consecutive_failures.saturating_add(1);
        self.last_failure_at = Some(now);
        let since = *self.failures_since.get_or_insert(now);
        if self.consecutive_failures < FAILING_AFTER {
            return None;
        }
        self.probe_at = Some(now.plus_ms(self.probe_wait_ms(plan, fraction)));
        if now.since_ms(since) >= DISABLE_AFTER_MS {
            return Some(Turn::Disabled);
        }
        if self.failing_since.is_none() {
            self.failing_since = Some(now);
            return Some(Turn::Failing);
        }
        None
    }

    /// Whether one probe at a time is all that may go.
    pub fn is_failing(&self) -> bool {
        self.failing_since.is_some()
    }

    /// The state in one word.
    pub fn state(&self, enabled: bool, paused: bool) -> HealthState {
        match (enabled, paused) {
            (false, _) => HealthState::Disabled,
            (true, true) => HealthState::Paused,
            _ if self.is_failing() => HealthState::Failing,
            _ if self.last_success_at.or(self.last_failure_at).is_none() => HealthState::Idle,
            _ => HealthState::Ok,
        }
    }

    /// The plan's pace, and at least every ten minutes.
    fn probe_wait_ms(&self, plan: &Plan, fraction: f64) -> i64 {
        let probes = self.consecutive_failures.saturating_sub(FAILING_AFTER);
        let left = plan.attempts().saturating_sub(1).saturating_sub(probes).max(1);
        plan.delay_ms(left, fraction).unwrap_or(PROBE_MS_MAX).min(PROBE_MS_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_outage_from_beginning_to_end() {
        let (plan, mut health) = (Plan::default(), Health::default());
        assert_eq!(health.state(true, false), HealthState::Idle);
        for n in 0..9 {
            assert_eq!(health.note(false, &plan, Timestamp::from_s(n), 0.0), None);
        }
        assert_eq!(health.state(true, false), HealthState::Ok);
        assert_eq!(health.note(false, &plan, Timestamp::from_s(9), 0.0), Some(Turn::Failing));
        assert_eq!(health.state(true, false), HealthState::Failing);
        let mut waits = vec![];
        for _ in 0..6 {
            let at = health.probe_at.expect("a probe is planned");
            waits.push(at.since_ms(health.last_failure_at.expect("failed")) / 1000);
            assert_eq!(health.note(false, &plan, at, 0.0), None);
        }
        assert_eq!(waits, [5, 25, 125, 600, 600, 600]);
        assert_eq!(health.note(true, &plan, Timestamp::from_s(9999), 0.0), Some(Turn::Recovered));
        assert_eq!(health.consecutive_failures, 0);
        assert_eq!(health.note(true, &plan, Timestamp::from_s(9999), 0.0), None);
    }

    #[test]
    fn five_days_of_failures_disable() {
        let (plan, mut health) = (Plan::default(), Health::default());
        let mut turns = vec![];
        let mut now = Timestamp::from_s(0);
        while now.ms() < DISABLE_AFTER_MS + 1 {
            turns.extend(health.note(false, &plan, now, 0.5));
            now = health.probe_at.unwrap_or(now.plus_ms(1000));
        }
        assert_eq!(turns, [Turn::Failing]);
        assert_eq!(health.note(false, &plan, now, 0.5), Some(Turn::Disabled));
    }

    proptest! {
        #[test]
        fn a_success_always_heals(outcomes in prop::collection::vec(any::<bool>(), 0..60)) {
            let (plan, mut health) = (Plan::default(), Health::default());
            let mut failing = false;
            for (n, &success) in outcomes.iter().enumerate() {
                let turn = health.note(success, &plan, Timestamp::from_s(n as i64), 0.0);
                match turn {
                    Some(Turn::Failing) => { prop_assert!(!failing); failing = true; }
                    Some(Turn::Recovered) => { prop_assert!(failing); failing = false; }
                    _ => {}
                }
                prop_assert_eq!(health.is_failing(), failing);
                prop_assert_eq!(health.is_failing(), health.consecutive_failures >= FAILING_AFTER);
            }
        }
    }
}
