//! What a node keeps in memory of who serves which endpoint. Pure: it is given what was found and when.

use std::collections::{BTreeSet, HashMap};

use gancho_model::MonoTime;

/// How long an endpoint that has nothing stays with its node while there are others, milliseconds.
const IDLE_MS: i64 = 5_000;
/// How long it is not asked again who serves what another node serves, milliseconds.
const ELSEWHERE_MS: i64 = 5_000;
/// How long nothing of an endpoint must have been under way when it is given up, milliseconds: the time of a rate.
pub(super) const QUIET_MS: i64 = 1_000;
/// How long a node leaves a free endpoint to others that have fewer, milliseconds.
const LEFT_MS: i64 = 1_000;
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
    /// How many endpoints the one of them has that has the fewest.
    fewest: usize,
    /// Free ones that are left to others, which have fewer; and since when.
    left: HashMap<i64, MonoTime>,
    /// Ours that may be given up, and since when nothing of them has been under way.
    quiet: HashMap<i64, MonoTime>,
}

impl ServedEndpoints {
    /// How many other nodes there are.
    pub fn others(&self) -> u64 {
        self.others
    }

    /// Knows nothing any more.
    pub fn forget(&mut self) {
        *self = Self { others: self.others, fewest: self.fewest, ..Self::default() };
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
            self.left.remove(&endpoint);
            self.own.insert(endpoint, now);
        } else {
            self.elsewhere.insert(endpoint, now.plus_ms(ELSEWHERE_MS));
        }
    }

    /// What had nothing for a while.
    fn idle(&self, now: MonoTime) -> Vec<i64> {
        self.own.iter().filter(|(_, used)| now.since_ms(**used) >= IDLE_MS).map(|(endpoint, _)| *endpoint).collect()
    }

    /// So many other nodes are there, and so many endpoints has the one of them that has the fewest.
    pub fn set_others(&mut self, others: u64, fewest: u64) {
        self.others = others;
        self.fewest = usize::try_from(fewest).unwrap_or(usize::MAX);
        if others == 0 {
            self.leaving.clear();
        }
    }

    /// Ours, but for those that are given up.
    fn staying(&self) -> usize {
        self.own.len() - self.leaving.len()
    }

    /// Whether a free endpoint is left to others for a moment, since one of them has fewer.
    pub fn is_left(&mut self, endpoint: i64, now: MonoTime) -> bool {
        if self.others == 0 || self.staying() <= self.fewest {
            return false;
        }
        let since = *self.left.entry(endpoint).or_insert(now);
        let is_left = now.since_ms(since) < LEFT_MS;
        if !is_left {
            self.left.remove(&endpoint);
        }
        is_left
    }

    /// Nothing new of these is begun.
    pub fn leave(&mut self, endpoints: Vec<i64>) {
        self.leaving.extend(endpoints);
    }

    /// What this node gives up for the one that has the fewest: half of what it has more.
    pub fn surplus(&self) -> Vec<i64> {
        // What is being given up counts as theirs already.
        let theirs = self.fewest + self.leaving.len();
        let count = if self.others > 0 { self.staying().saturating_sub(theirs) / 2 } else { 0 };
        self.own.keys().filter(|endpoint| !self.leaving.contains(endpoint)).take(count).copied().collect()
    }

    /// What may be given up: what had nothing for a while, and what is leaving.
    pub fn candidates(&self, now: MonoTime) -> Vec<i64> {
        let mut all = self.idle(now);
        all.extend(&self.leaving);
        all
    }

    /// Of those candidates of which nothing is under way: what is given up now. Whoever takes it begins with a full second of
    /// its rate, so that a second has to be over since the last attempt.
    pub fn given_up(&mut self, quiet: &[i64], now: MonoTime) -> Vec<i64> {
        self.quiet.retain(|endpoint, _| quiet.contains(endpoint));
        let since = |endpoint: &i64| *self.quiet.entry(*endpoint).or_insert(now);
        let since: Vec<MonoTime> = quiet.iter().map(since).collect();
        let over = quiet.iter().zip(since).filter(|(_, since)| now.since_ms(*since) >= QUIET_MS);
        over.map(|(endpoint, _)| *endpoint).collect()
    }

    pub fn gave_up(&mut self, endpoint: i64, now: MonoTime) {
        self.own.remove(&endpoint);
        self.quiet.remove(&endpoint);
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

    /// A node that has so many endpoints, beside one that has so many.
    fn with(own: i64, fewest: u64) -> ServedEndpoints {
        let mut known = ServedEndpoints::default();
        known.set_others(1, fewest);
        (0..own).for_each(|endpoint| known.learn(endpoint, true, at(0)));
        known
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
        let mut served = with(2, 2);
        served.known(1, at(IDLE_MS - 1));
        assert_eq!(served.candidates(at(IDLE_MS)), [0]);
    }

    #[test]
    fn what_is_given_up_was_quiet_for_the_second_of_its_rate() {
        let mut served = with(3, 0);
        assert!(served.given_up(&[0, 1], at(0)).is_empty());
        assert!(served.given_up(&[0], at(QUIET_MS - 1)).is_empty(), "something of the other was under way again");
        assert_eq!(served.given_up(&[0, 1], at(QUIET_MS)), [0]);
        assert_eq!(served.given_up(&[1], at(2 * QUIET_MS)), [1]);
    }

    #[test]
    fn who_has_more_gives_up_half_of_that() {
        for (own, fewest, surplus) in
            [(12, 0, 6), (6, 1, 2), (5, 3, 1), (5, 4, 0), (5, 5, 0), (4, 9, 0), (1, 0, 0), (2, 0, 1)]
        {
            assert_eq!(with(own, fewest).surplus().len(), surplus, "{own} beside {fewest}");
        }
        let mut alone = with(12, 0);
        alone.set_others(0, 0);
        assert!(alone.surplus().is_empty());
    }

    #[test]
    fn a_free_one_is_left_for_a_moment_to_who_has_fewer() {
        let mut served = with(3, 3);
        assert!(!served.is_left(99, at(0)), "nobody has fewer");
        served.learn(99, true, at(0));
        assert!(served.is_left(100, at(0)) && served.is_left(100, at(LEFT_MS - 1)));
        assert!(!served.is_left(100, at(LEFT_MS)), "nobody took it");
        served.set_others(0, 0);
        assert!(!served.is_left(101, at(0)));
    }

    #[test]
    fn what_is_given_up_for_others_is_left_to_them_for_a_moment() {
        let mut served = with(5, 0);
        let surplus = served.surplus();
        served.leave(surplus.clone());
        assert!(served.surplus().is_empty(), "once is enough");
        assert_eq!(served.known(surplus[0], at(1)), Some(false), "nothing new is begun");
        served.gave_up(surplus[0], at(10));
        assert_eq!(served.known(surplus[0], at(10 + SHED_MS - 1)), Some(false));
        assert_eq!(served.known(surplus[0], at(10 + SHED_MS)), None);
    }
}
