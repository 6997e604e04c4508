//! What a node keeps in memory of who serves which endpoint. Pure: it is given what was found and when.

use std::collections::{BTreeSet, HashMap};

use gancho_model::MonoTime;

/// How long an endpoint that has nothing stays with its node while there are others, milliseconds.
const IDLE_MS: i64 = 5_000;
/// How long it is not asked again who serves what another node serves, milliseconds.
const ELSEWHERE_MS: i64 = 5_000;
/// How long a node leaves to others what it gave up since it had too many, milliseconds.
const SHED_MS: i64 = 2_000;

/// What this node knows of who serves what. Less than is true does no harm: it is asked again.
#[derive(Default)]
pub(super) struct ServedEndpoints {
    /// Ours, with when they were last used.
    own: HashMap<i64, MonoTime>,
    /// Other nodes', and until when that is believed.
    elsewhere: HashMap<i64, MonoTime>,
    /// Ours that are given up as soon as nothing of them is under way.
    leaving: BTreeSet<i64>,
    /// How many other nodes there are.
    others: u64,
}

impl ServedEndpoints {
    /// How many other nodes there are.
    pub fn others(&self) -> u64 {
        self.others
    }

    /// Knows nothing any more.
    pub fn forget(&mut self) {
        *self = Self { others: self.others, ..Self::default() };
    }

    /// Somebody may have given it up.
    pub fn ask_again(&mut self, endpoint: i64) {
        self.elsewhere.remove(&endpoint);
    }

    /// Whether another node served it a moment ago.
    pub fn is_elsewhere(&self, endpoint: i64, now: MonoTime) -> bool {
        self.elsewhere.get(&endpoint).is_some_and(|until| *until > now)
    }

    /// Whether it is ours, as far as that is known.
    pub fn known(&mut self, endpoint: i64, now: MonoTime) -> Option<bool> {
        if self.leaving.contains(&endpoint) {
            return Some(false);
        }
        if let Some(used) = self.own.get_mut(&endpoint) {
            *used = now;
            return Some(true);
        }
        self.is_elsewhere(endpoint, now).then_some(false)
    }

    pub fn learn(&mut self, endpoint: i64, is_ours: bool, now: MonoTime) {
        if is_ours {
            self.elsewhere.remove(&endpoint);
            self.own.insert(endpoint, now);
        } else {
            self.elsewhere.insert(endpoint, now.plus_ms(ELSEWHERE_MS));
        }
    }

    /// What had nothing for a while.
    pub fn idle(&self, now: MonoTime) -> Vec<i64> {
        self.own.iter().filter(|(_, used)| now.since_ms(**used) >= IDLE_MS).map(|(endpoint, _)| *endpoint).collect()
    }

    /// So many other nodes are there.
    pub fn set_others(&mut self, others: u64) {
        self.others = others;
        if others == 0 {
            self.leaving.clear();
        }
    }

    /// What is given up as soon as nothing of it is under way.
    pub fn leaving(&self) -> &BTreeSet<i64> {
        &self.leaving
    }

    /// Nothing new of these is begun.
    pub fn leave(&mut self, endpoints: Vec<i64>) {
        self.leaving.extend(endpoints);
    }

    /// What this node has beyond its part, where so many are served in all. A few more are no reason to move any.
    pub fn surplus(&self, served: u64) -> Vec<i64> {
        let part = usize::try_from(served.div_ceil(self.others + 1)).unwrap_or(usize::MAX);
        let staying = self.own.len() - self.leaving.len();
        let slack = (part / 8).max(1);
        let count = if staying > part + slack { staying - part } else { 0 };
        self.own.keys().filter(|endpoint| !self.leaving.contains(endpoint)).take(count).copied().collect()
    }

    pub fn gave_up(&mut self, endpoint: i64, now: MonoTime) {
        self.own.remove(&endpoint);
        if self.leaving.remove(&endpoint) {
            self.elsewhere.insert(endpoint, now.plus_ms(SHED_MS));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> MonoTime {
        MonoTime::from_ms(ms)
    }

    /// A node beside so many others that has these endpoints.
    fn with(others: u64, endpoints: i64) -> ServedEndpoints {
        let mut served = ServedEndpoints::default();
        served.set_others(others);
        (0..endpoints).for_each(|endpoint| served.learn(endpoint, true, at(0)));
        served
    }

    #[test]
    fn what_is_elsewhere_is_asked_for_again_after_a_while() {
        let mut served = ServedEndpoints::default();
        assert_eq!(served.known(1, at(0)), None);
        served.learn(1, false, at(0));
        assert_eq!(served.known(1, at(ELSEWHERE_MS - 1)), Some(false));
        assert_eq!(served.known(1, at(ELSEWHERE_MS)), None);
        served.learn(1, true, at(ELSEWHERE_MS));
        assert_eq!(served.known(1, at(i64::MAX / 2)), Some(true), "as long as it is not given up");
    }

    #[test]
    fn what_had_nothing_for_a_while_is_idle() {
        let mut served = with(1, 2);
        served.known(1, at(IDLE_MS - 1));
        assert_eq!(served.idle(at(IDLE_MS)), [0]);
    }

    #[test]
    fn who_has_more_than_its_part_gives_up_the_rest() {
        for (others, own, served_in_all, surplus) in [
            (0, 90, 90, 0),
            (1, 90, 90, 45),
            (2, 90, 90, 60),
            (2, 31, 90, 0),
            (2, 33, 90, 0),
            (2, 34, 90, 4),
            (1, 2, 2, 0),
            (1, 3, 3, 0),
        ] {
            let count = with(others, own).surplus(served_in_all).len();
            assert_eq!(count, surplus, "{own} of {served_in_all} beside {others}");
        }
    }

    #[test]
    fn what_is_given_up_for_others_is_left_to_them_for_a_moment() {
        let mut served = with(1, 4);
        let surplus = served.surplus(4);
        served.leave(surplus.clone());
        assert!(served.surplus(4).is_empty(), "once is enough");
        assert_eq!(served.known(surplus[0], at(1)), Some(false), "nothing new is begun");
        served.gave_up(surplus[0], at(10));
        assert_eq!(served.known(surplus[0], at(10 + SHED_MS - 1)), Some(false));
        assert_eq!(served.known(surplus[0], at(10 + SHED_MS)), None);
    }
}
