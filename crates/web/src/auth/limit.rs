//! How often a password may be tried.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use gancho_model::MonoTime;

/// The time that is looked at, milliseconds.
const WINDOW_MS: i64 = 60_000;
/// Names and addresses remembered; beyond, those that are old go.
const REMEMBERED_MAX: usize = 10_000;

/// Counts tries by name and by address: neither one name from many places nor many names from one
/// place are tried faster.
#[derive(Default)]
pub struct Tries {
    known: Mutex<HashMap<String, Vec<MonoTime>>>,
}

impl Tries {
    /// Notes a try for each of these, unless one of them had as many within a minute already.
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

    /// Whoever got in has all tries again.
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
        let (tries, who) = (Tries::default(), ["ana".to_owned(), "192.0.2.1".to_owned()]);
        let at = |second: i64| MonoTime::from_ms(second * 1000);
        for second in 0..5 {
            assert!(tries.may(&who, 5, at(second)));
        }
        assert!(!tries.may(&who, 5, at(5)));
        assert!(!tries.may(&["ana".into(), "192.0.2.2".into()], 5, at(6)), "from elsewhere neither");
        assert!(!tries.may(&["eva".into(), "192.0.2.1".into()], 5, at(6)), "nor for others");
        assert!(tries.may(&who, 5, at(61)), "the first is a minute old");
        tries.forget(&who);
        assert!((0..5).all(|_| tries.may(&who, 5, at(61))));
    }
}
