//! Rate limits of password tries.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use gancho_model::MonoTime;

/// The window, milliseconds.
const WINDOW_MS: i64 = 60_000;
/// Maximum names and addresses remembered; beyond it, old ones are dropped.
const REMEMBERED_MAX: usize = 10_000;

/// Delay per failed try of a name beyond the free ones, and its maximum.
const SLOWER: Duration = Duration::from_millis(500);
const SLOWEST: Duration = Duration::from_secs(3);

/// Counts tries by address, and by name and address: many names from one address are tried no faster than one, and
/// tries of a name from elsewhere don't lock its owner out.
#[derive(Default)]
pub struct LoginRateLimiter {
    known: Mutex<HashMap<String, Vec<MonoTime>>>,
}

impl LoginRateLimiter {
    /// Counts a try for each of these keys, unless one of them has reached the limit within a minute.
    pub fn may(&self, who: &[String], most: usize, now: MonoTime) -> bool {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() > REMEMBERED_MAX {
            known.retain(|_, tries| tries.last().is_some_and(|last| now.since_ms(*last) < WINDOW_MS));
        }
        for one in who {
            let Some(tries) = known.get_mut(one) else { continue };
            tries.retain(|at| now.since_ms(*at) < WINDOW_MS);
            if tries.len() >= most {
                return false;
            }
        }
        who.iter().for_each(|one| known.entry(one.clone()).or_default().push(now));
        true
    }

    /// The delay of a try of this name, from any address, after this many failed ones within a minute.
    pub fn slowed(&self, name: &str, free: usize, now: MonoTime) -> Duration {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(tries) = known.get_mut(name) else { return Duration::ZERO };
        tries.retain(|at| now.since_ms(*at) < WINDOW_MS);
        let beyond = u32::try_from(tries.len().saturating_sub(free)).unwrap_or(u32::MAX);
        SLOWER.saturating_mul(beyond).min(SLOWEST)
    }

    /// Counts a failed try, up to the number that affects the delay.
    pub fn note(&self, name: &str, now: MonoTime) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let tries = known.entry(name.to_owned()).or_default();
        if tries.len() < 1024 {
            tries.push(now);
        }
    }

    /// Resets the counts after a successful sign-in.
    pub fn forget(&self, who: &[String]) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        who.iter().for_each(|one| drop(known.remove(one)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_a_minute() {
        let (tries, who) = (LoginRateLimiter::default(), ["ana".to_owned(), "192.0.2.1".to_owned()]);
        let at = |second: i64| MonoTime::from_ms(second * 1000);
        for second in 0..5 {
            assert!(tries.may(&who, 5, at(second)));
        }
        assert!(!tries.may(&who, 5, at(5)));
        assert!(!tries.may(&["eva".into(), "192.0.2.1".into()], 5, at(6)), "nor for others");
        assert!(tries.may(&who, 5, at(61)), "the first is a minute old");
        tries.forget(&who);
        assert!((0..5).all(|_| tries.may(&who, 5, at(61))));
    }

    #[test]
    fn a_name_that_is_tried_from_everywhere_is_slower_and_not_shut() {
        let (tries, at) = (LoginRateLimiter::default(), |second: i64| MonoTime::from_ms(second * 1000));
        let wait = |now| tries.slowed("ana", 5, now);
        for (failed, waits) in [(5, 0), (1, 500), (1, 1000), (200, 3000)] {
            (0..failed).for_each(|_| tries.note("ana", at(1)));
            assert_eq!(wait(at(2)), Duration::from_millis(waits));
        }
        assert_eq!(wait(at(62)), Duration::ZERO);
    }
}
