//! A node's in-memory view of which node serves which endpoint. Pure: results and times are passed in.

use std::collections::{BTreeSet, HashMap};

use gancho_model::MonoTime;

/// An endpoint without deliveries for this long is released if there are other nodes, milliseconds.
const IDLE_MS: i64 = 5_000;
/// How long another node's ownership is cached, milliseconds.
const ELSEWHERE_MS: i64 = 5_000;
/// An endpoint is released after this long without an attempt, milliseconds: `rate_per_s` counts by the second.
pub(super) const DRAINED_MS: i64 = 1_000;
/// How long a node waits before it takes a free endpoint while another node serves fewer, milliseconds.
const DEFERRED_MS: i64 = 1_000;
/// How long a node does not take back an endpoint that it released for balance, milliseconds.
const RETAKE_MS: i64 = 2_000;

/// Cached ownership. A missing entry is queried again.
#[derive(Default)]
pub(super) struct ServedEndpoints {
    /// Endpoints of this node, with the time of their last use.
    own: HashMap<i64, MonoTime>,
    /// Endpoints of other nodes, with the end of the cache entry.
    elsewhere: HashMap<i64, MonoTime>,
    /// Endpoints of this node that start nothing more and are released once drained.
    leaving: BTreeSet<i64>,
    /// Number of other nodes.
    others: u64,
    /// The smallest number of endpoints that one of them serves.
    fewest: usize,
    /// Free endpoints not taken yet because another node serves fewer, with the time of the first refusal.
    deferred: HashMap<i64, MonoTime>,
    /// Endpoints that may be released, with the time since which no attempt has been under way.
    drained: HashMap<i64, MonoTime>,
}

impl ServedEndpoints {
    /// How many other nodes there are.
    pub fn others(&self) -> u64 {
        self.others
    }

    /// Clears the cache.
    pub fn forget(&mut self) {
        *self = Self { others: self.others, fewest: self.fewest, ..Self::default() };
    }

    /// Drops the cached owner: it may have released the endpoint.
    pub fn ask_again(&mut self, endpoint: i64) {
        self.elsewhere.remove(&endpoint);
    }

    /// Whether another node served it according to the cache.
    pub fn is_elsewhere(&self, endpoint: i64, now: MonoTime) -> bool {
        self.elsewhere.get(&endpoint).is_some_and(|until| *until > now)
    }

    /// Whether this node serves it, if known.
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
            self.deferred.remove(&endpoint);
            self.own.insert(endpoint, now);
        } else {
            self.elsewhere.insert(endpoint, now.plus_ms(ELSEWHERE_MS));
        }
    }

    /// Endpoints without use for [`IDLE_MS`].
    fn idle(&self, now: MonoTime) -> Vec<i64> {
        self.own.iter().filter(|(_, used)| now.since_ms(**used) >= IDLE_MS).map(|(endpoint, _)| *endpoint).collect()
    }

    /// Sets the number of other nodes and the smallest number of endpoints that one of them serves.
    pub fn set_others(&mut self, others: u64, fewest: u64) {
        self.others = others;
        self.fewest = usize::try_from(fewest).unwrap_or(usize::MAX);
        if others == 0 {
            self.leaving.clear();
        }
    }

    /// Number of endpoints that this node keeps.
    fn staying(&self) -> usize {
        self.own.len() - self.leaving.len()
    }

    /// Whether to wait before taking a free endpoint, because another node serves fewer.
    pub fn is_deferred(&mut self, endpoint: i64, now: MonoTime) -> bool {
        if self.others == 0 || self.staying() <= self.fewest {
            return false;
        }
        let since = *self.deferred.entry(endpoint).or_insert(now);
        let is_deferred = now.since_ms(since) < DEFERRED_MS;
        if !is_deferred {
            self.deferred.remove(&endpoint);
        }
        is_deferred
    }

    /// Starts nothing more for these endpoints and releases them once drained.
    pub fn leave(&mut self, endpoints: Vec<i64>) {
        self.leaving.extend(endpoints);
    }

    /// Half of this node's surplus over the node with the fewest.
    pub fn surplus(&self) -> Vec<i64> {
        // Endpoints being released already count as the other node's.
        let theirs = self.fewest + self.leaving.len();
        let count = if self.others > 0 { self.staying().saturating_sub(theirs) / 2 } else { 0 };
        self.own.keys().filter(|endpoint| !self.leaving.contains(endpoint)).take(count).copied().collect()
    }

    /// Endpoints to release: idle or leaving.
    pub fn candidates(&self, now: MonoTime) -> Vec<i64> {
        let mut all = self.idle(now);
        all.extend(&self.leaving);
        all
    }

    /// The drained candidates that have been drained for a second. The next node starts with a full second of the rate.
    pub fn ready_to_release(&mut self, drained: &[i64], now: MonoTime) -> Vec<i64> {
        self.drained.retain(|endpoint, _| drained.contains(endpoint));
        let since = |endpoint: &i64| *self.drained.entry(*endpoint).or_insert(now);
        let since: Vec<MonoTime> = drained.iter().map(since).collect();
        let over = drained.iter().zip(since).filter(|(_, since)| now.since_ms(*since) >= DRAINED_MS);
        over.map(|(endpoint, _)| *endpoint).collect()
    }

    pub fn released(&mut self, endpoint: i64, now: MonoTime) {
        self.own.remove(&endpoint);
        self.drained.remove(&endpoint);
        if self.leaving.remove(&endpoint) {
            self.elsewhere.insert(endpoint, now.plus_ms(RETAKE_MS));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> MonoTime {
        MonoTime::from_ms(ms)
    }

    /// A node with this many endpoints, and another with this many.
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
        assert!(served.ready_to_release(&[0, 1], at(0)).is_empty());
        assert!(
            served.ready_to_release(&[0], at(DRAINED_MS - 1)).is_empty(),
            "something of the other was under way again"
        );
        assert_eq!(served.ready_to_release(&[0, 1], at(DRAINED_MS)), [0]);
        assert_eq!(served.ready_to_release(&[1], at(2 * DRAINED_MS)), [1]);
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
    fn a_free_one_is_deferred_for_a_moment_to_who_has_fewer() {
        let mut served = with(3, 3);
        assert!(!served.is_deferred(99, at(0)), "nobody has fewer");
        served.learn(99, true, at(0));
        assert!(served.is_deferred(100, at(0)) && served.is_deferred(100, at(DEFERRED_MS - 1)));
        assert!(!served.is_deferred(100, at(DEFERRED_MS)), "nobody took it");
        served.set_others(0, 0);
        assert!(!served.is_deferred(101, at(0)));
    }

    #[test]
    fn what_is_given_up_for_others_is_deferred_to_them_for_a_moment() {
        let mut served = with(5, 0);
        let surplus = served.surplus();
        served.leave(surplus.clone());
        assert!(served.surplus().is_empty(), "once is enough");
        assert_eq!(served.known(surplus[0], at(1)), Some(false), "nothing new is begun");
        served.released(surplus[0], at(10));
        assert_eq!(served.known(surplus[0], at(10 + RETAKE_MS - 1)), Some(false));
        assert_eq!(served.known(surplus[0], at(10 + RETAKE_MS)), None);
    }
}
