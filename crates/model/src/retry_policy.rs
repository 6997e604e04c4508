use serde::{Deserialize, Serialize};

use crate::MonoTime;

/// Delays before retries, in seconds. The first attempt is immediate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetryPolicy {
    /// Seconds before the first retry, the second, and so on.
    pub delays_s: Vec<u32>,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self { delays_s: vec![5, 25, 125, 625, 3125] }
    }
}

impl RetryPolicy {
    /// Total number of attempts.
    pub fn attempts(&self) -> u32 {
        self.delays_s.len() as u32 + 1
    }

    /// The latest time for a pending delivery at the start of a process: now without earlier attempts, otherwise after
    /// the delay of its next attempt. Times scheduled by another process's clock are invalid.
    pub fn latest_at_start(&self, attempts: u32, max_attempts: u32, now: MonoTime) -> MonoTime {
        match attempts {
            0 => now,
            _ => now.plus_ms(self.delay_ms(max_attempts.saturating_sub(attempts), 1.0).unwrap_or(0)),
        }
    }

    /// The delay after an attempt, milliseconds, when `left` attempts remain; `None` if there are none. Never shorter
    /// than the policy, up to a tenth longer, depending on `jitter` in `0.0..1.0`.
    pub fn delay_ms(&self, left: u32, jitter: f64) -> Option<i64> {
        let left = usize::try_from(left).ok().filter(|&left| left > 0)?;
        // A resent delivery may have more attempts left than a policy shortened since.
        let index = self.delays_s.len().saturating_sub(left);
        let planned = i64::from(*self.delays_s.get(index)?) * 1000;
        Some(planned + (planned as f64 * 0.1 * jitter.clamp(0.0, 1.0)) as i64)
    }
}

#[cfg(test)]
mod tests {
    use super::{MonoTime, RetryPolicy};
    use proptest::prelude::*;

    #[test]
    fn the_contract_s_plan() {
        let plan = RetryPolicy::default();
        assert_eq!(plan.attempts(), 6);
        let waits: Vec<_> = (1..=5).rev().filter_map(|left| plan.delay_ms(left, 0.0)).collect();
        assert_eq!(waits, [5_000, 25_000, 125_000, 625_000, 3_125_000]);
        let now = MonoTime::from_ms(0);
        let latest: Vec<_> = (0..7).map(|attempts| plan.latest_at_start(attempts, 6, now).ms()).collect();
        assert_eq!(latest, [0, 5_500, 27_500, 137_500, 687_500, 3_437_500, 0]);
        assert_eq!(plan.delay_ms(0, 0.0), None);
        assert_eq!(RetryPolicy { delays_s: vec![] }.delay_ms(3, 0.0), None);
    }

    proptest! {
        #[test]
        fn never_earlier_and_at_most_a_tenth_later(delays_s in prop::collection::vec(0..100_000u32, 1..20), left in 1..30u32, jitter in 0.0..1.0f64) {
            let plan = RetryPolicy { delays_s: delays_s.clone() };
            let index = delays_s.len().saturating_sub(left as usize);
            let wait = plan.delay_ms(left, jitter).expect("one is left");
            let planned = i64::from(delays_s[index]) * 1000;
            prop_assert!(wait >= planned && wait <= planned + planned / 10);
        }
    }
}
