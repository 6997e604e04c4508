use serde::{Deserialize, Serialize};

use crate::{DeliveryId, ErrorKind, Moment, MonoTime, Priority, RetryPolicy, Timestamp};

/// Consecutive failed attempts after which an endpoint is failing.
pub const FAILING_AFTER: u32 = 10;
/// Maximum interval between probes of a failing endpoint, milliseconds.
pub const PROBE_MS_MAX: i64 = 600_000;
/// How long an endpoint may fail before it is disabled, milliseconds of running time.
pub const DISABLE_AFTER_MS: i64 = 5 * DAY_MS;
/// Maximum time counted between two failures, milliseconds: a single clock error disables nothing.
const STEP_MS_MAX: i64 = DAY_MS;
const DAY_MS: i64 = 24 * 3600 * 1000;

/// The health of an endpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// Failed attempts since the last success.
    pub consecutive_failures: u32,
    /// Time of the first of them.
    pub failures_since: Option<Timestamp>,
    /// Since when it is failing, if it is.
    pub failing_since: Option<Timestamp>,
    /// While failing: when the next probe is due.
    pub probe_at: Option<MonoTime>,
    /// How long it has been failing, milliseconds of running time, as of the last failure.
    #[serde(default)]
    pub failing_ms: i64,
    /// Time up to which `failing_ms` is counted.
    #[serde(default)]
    pub counted_at: Option<MonoTime>,
    /// Number of requests for an immediate probe.
    #[serde(default)]
    pub probe_requests: u32,
    /// Number of these requests that are answered by an attempt begun after them.
    #[serde(default)]
    pub probes_answered: u32,
    /// The last success.
    pub last_success_at: Option<Timestamp>,
    /// The last failure.
    pub last_failure_at: Option<Timestamp>,
    /// The response's status then, if any.
    #[serde(default)]
    pub last_status: Option<u16>,
    /// How it failed.
    #[serde(default)]
    pub last_error: Option<ErrorKind>,
    /// Number of consecutive failures like the last one; 0 if counted by an older version.
    #[serde(default)]
    pub same_failures: u32,
    /// The delivery of the last failed attempt, to show first.
    #[serde(default)]
    pub last_failed: Option<DeliveryId>,
}

/// An endpoint's state in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HealthState {
    /// Nothing was sent yet.
    Idle,
    /// Recent attempts succeeded, or too few failed.
    Ok,
    /// It is failing; probes only.
    Failing,
    /// A user paused it: deliveries wait.
    Paused,
    /// It gets no new events; pending deliveries wait.
    Disabled,
}

/// A change of health that is announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HealthTransition {
    /// It became failing.
    Failing,
    /// It recovered.
    Recovered,
    /// It was disabled after failing for too long.
    Disabled,
}

/// An ended attempt, as far as its endpoint's health is concerned.
#[derive(Clone, Copy, Debug)]
pub struct AttemptEnd<'a> {
    /// Whether it succeeded.
    pub success: bool,
    /// The endpoint's retry policy, which sets the pace of probes.
    pub plan: &'a RetryPolicy,
    /// When it ended.
    pub now: Moment,
    /// The jitter of the next probe, `0.0..1.0`.
    pub jitter: f64,
    /// [`Health::probe_requests`] when it began: it does not answer later requests.
    pub probe_request: u32,
}

impl Health {
    /// Whether an attempt from this queue affects the endpoint's health. Replays count as probes of a failing endpoint,
    /// and when they succeed after failures; tests only when they succeed for a failing endpoint.
    pub fn counts(&self, lane: Priority, success: bool) -> bool {
        match lane {
            Priority::Live => true,
            Priority::Replay => self.is_failing() || (success && self.consecutive_failures > 0),
            Priority::Test => self.is_failing() && success,
        }
    }

    /// Updates the health after an attempt.
    pub fn note(&mut self, end: AttemptEnd<'_>) -> Option<HealthTransition> {
        if end.success {
            let was_failing = self.is_failing();
            *self = Self { last_success_at: Some(end.now.wall), last_failure_at: self.last_failure_at, ..self.anew() };
            return was_failing.then_some(HealthTransition::Recovered);
        }
        self.consecutive_failures = self.consecutive_failures.saturating_add(1);
        self.last_failure_at = Some(end.now.wall);
        // If the clock was ahead at first, later failures must not be hidden.
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

    /// The health of a re-enabled endpoint: failures are reset.
    #[must_use]
    pub fn anew(&self) -> Self {
        let requests = self.probe_requests;
        let last_success_at = self.last_success_at;
        Self { last_success_at, probe_requests: requests, probes_answered: requests, ..Self::default() }
    }

    /// Requests an immediate probe: the next attempt becomes one, regardless of its schedule.
    pub fn request_probe(&mut self) {
        self.probe_requests = self.probe_requests.saturating_add(1);
    }

    /// Whether a requested probe is unanswered.
    pub fn is_probe_requested(&self) -> bool {
        self.probe_requests > self.probes_answered
    }

    /// Reschedules at the start of a process, whose monotonic clock is unrelated to the previous one's: the next probe
    /// follows the policy, within ten minutes, and downtime is not counted.
    pub fn replan(&mut self, plan: &RetryPolicy, now: MonoTime) {
        let latest = now.plus_ms(self.probe_wait_ms(plan, 1.0));
        self.probe_at = self.probe_at.map(|at| at.min(latest));
        if let Some(since) = self.failures_since {
            if self.counted_at.is_none() {
                // Stored by a version that counted by the wall clock.
                let so_far_ms = self.last_failure_at.map_or(0, |last| last.since_ms(since));
                self.failing_ms = so_far_ms.clamp(0, DISABLE_AFTER_MS - DAY_MS);
            }
            self.counted_at = Some(now);
        }
    }

    /// Whether only probes may be sent.
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

    /// The policy's delay, at most ten minutes.
    fn probe_wait_ms(&self, plan: &RetryPolicy, jitter: f64) -> i64 {
        let probes = self.consecutive_failures.saturating_sub(FAILING_AFTER);
        let left = plan.attempts().saturating_sub(1).saturating_sub(probes).max(1);
        plan.delay_ms(left, jitter).unwrap_or(PROBE_MS_MAX).min(PROBE_MS_MAX)
    }
}

#[cfg(test)]
#[path = "health_tests.rs"]
mod tests;
