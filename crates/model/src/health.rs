use serde::{Deserialize, Serialize};

use crate::{DeliveryId, ErrorKind, Moment, MonoTime, Priority, RetryPolicy, Timestamp};

/// Failed attempts in a row after which an endpoint is failing.
pub const FAILING_AFTER: u32 = 10;
/// The longest wait between two probes of a failing endpoint, milliseconds.
pub const PROBE_MS_MAX: i64 = 600_000;
/// How long nothing but failures may last before the endpoint is disabled, milliseconds of time run.
pub const DISABLE_AFTER_MS: i64 = 5 * DAY_MS;
/// The most that the time between two failures counts, milliseconds: one wrong clock disables nothing.
const STEP_MS_MAX: i64 = DAY_MS;
const DAY_MS: i64 = 24 * 3600 * 1000;

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
    pub probe_at: Option<MonoTime>,
    /// How long it has been failing, milliseconds of time run, as of the last failure.
    #[serde(default)]
    pub failing_ms: i64,
    /// Until when `failing_ms` is counted.
    #[serde(default)]
    pub counted_at: Option<MonoTime>,
    /// How often a probe at once was asked for.
    #[serde(default)]
    pub probe_requests: u32,
    /// How many of these requests an attempt has answered that began after them.
    #[serde(default)]
    pub probes_answered: u32,
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
    /// How many of the last failures were like it, one after the other; 0 where an older version counted.
    #[serde(default)]
    pub same_failures: u32,
    /// Whose attempt it was: what a person looks at first.
    #[serde(default)]
    pub last_failed: Option<DeliveryId>,
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

/// A turn for the worse or better that people and programs are alerted of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HealthTransition {
    /// It has come to be failing.
    Failing,
    /// It works again.
    Recovered,
    /// It failed for so long that it is disabled.
    Disabled,
}

/// An attempt that ended, as far as its endpoint's health is concerned.
#[derive(Clone, Copy, Debug)]
pub struct AttemptEnd<'a> {
    /// Whether it succeeded.
    pub success: bool,
    /// The endpoint's plan of retries: probes go at its pace.
    pub plan: &'a RetryPolicy,
    /// When it ended.
    pub now: Moment,
    /// The jitter of the next probe, `0.0..1.0`.
    pub jitter: f64,
    /// [`Health::probe_requests`] when it began: later requests are not answered by it.
    pub probe_request: u32,
}

impl Health {
    /// Whether an attempt of this lane says something about the endpoint. What is sent again counts as the probe of a
    /// failing endpoint, and where it succeeds after failures; a test only where it succeeds at a failing one.
    pub fn counts(&self, lane: Priority, success: bool) -> bool {
        match lane {
            Priority::Live => true,
            Priority::Replay => self.is_failing() || (success && self.consecutive_failures > 0),
            Priority::Test => self.is_failing() && success,
        }
    }

    /// Takes an attempt's end into account.
    pub fn note(&mut self, end: AttemptEnd<'_>) -> Option<HealthTransition> {
        if end.success {
            let was_failing = self.is_failing();
            *self = Self { last_success_at: Some(end.now.wall), last_failure_at: self.last_failure_at, ..self.anew() };
            return was_failing.then_some(HealthTransition::Recovered);
        }
        self.consecutive_failures = self.consecutive_failures.saturating_add(1);
        self.last_failure_at = Some(end.now.wall);
        // A clock that was ahead when it began must not hide what failed later.
        self.failures_since = Some(self.failures_since.map_or(end.now.wall, |known| known.min(end.now.wall)));
        self.probes_answered = self.probes_answered.max(end.probe_request.min(self.probe_requests));
        let step_ms = self.counted_at.map_or(0, |since| end.now.mono.since_ms(since));
        self.failing_ms += step_ms.clamp(0, STEP_MS_MAX);
        self.counted_at = Some(end.now.mono);
        if self.consecutive_failures < FAILING_AFTER {
            return None;
        }
        self.probe_at = Some(end.now.mono.plus_ms(self.probe_wait_ms(end.plan, end.jitter)));
        if self.failing_ms >= DISABLE_AFTER_MS {
            return Some(HealthTransition::Disabled);
        }
        if self.failing_since.is_none() {
            self.failing_since = Some(end.now.wall);
            return Some(HealthTransition::Failing);
        }
        None
    }

    /// The health of an endpoint that a person enables again: nothing is held against it.
    #[must_use]
    pub fn anew(&self) -> Self {
        let requests = self.probe_requests;
        let last_success_at = self.last_success_at;
        Self { last_success_at, probe_requests: requests, probes_answered: requests, ..Self::default() }
    }

    /// Asks for a probe at once: the next attempt that begins is one, whatever was planned.
    pub fn request_probe(&mut self) {
        self.probe_requests = self.probe_requests.saturating_add(1);
    }

    /// Whether a probe was asked for that no attempt has answered.
    pub fn is_probe_requested(&self) -> bool {
        self.probe_requests > self.probes_answered
    }

    /// Plans anew at the start of a process, whose clock has nothing to do with the last one's: the next probe goes
    /// at the plan's pace, within ten minutes, and the time between the two runs is not counted.
    pub fn replan(&mut self, plan: &RetryPolicy, now: MonoTime) {
        let latest = now.plus_ms(self.probe_wait_ms(plan, 1.0));
        self.probe_at = self.probe_at.map(|at| at.min(latest));
        if let Some(since) = self.failures_since {
            if self.counted_at.is_none() {
                // Kept by a version that counted by the wall clock.
                let so_far_ms = self.last_failure_at.map_or(0, |last| last.since_ms(since));
                self.failing_ms = so_far_ms.clamp(0, DISABLE_AFTER_MS - DAY_MS);
            }
            self.counted_at = Some(now);
        }
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
    fn probe_wait_ms(&self, plan: &RetryPolicy, jitter: f64) -> i64 {
        let probes = self.consecutive_failures.saturating_sub(FAILING_AFTER);
        let left = plan.attempts().saturating_sub(1).saturating_sub(probes).max(1);
        plan.delay_ms(left, jitter).unwrap_or(PROBE_MS_MAX).min(PROBE_MS_MAX)
    }
}

#[cfg(test)]
#[path = "health_tests.rs"]
mod tests;
