//! Invariants of the scheduler under arbitrary sequences of events.

use std::collections::HashSet;

use gancho_model::{Endpoint, Priority};
use gancho_store::Claimed;
use proptest::prelude::*;

use super::{SchedulerLimits, bench::Bench};

const IN_FLIGHT: u32 = 12;
const PER_ENDPOINT: u32 = 4;

/// An event in the engine's environment.
#[derive(Clone, Debug)]
enum EngineStep {
    /// Deliveries of an endpoint are stored.
    Put { n: usize, lane: Priority, count: usize },
    /// An event arrives and reserves a slot; its transaction is committed or rolled back.
    Reserve { n: usize, committed: bool },
    /// An attempt ends.
    End { which: usize, success: bool, duration_ms: u32 },
    /// An attempt could not be made.
    Withdraw { which: usize },
    /// A delivery that the scheduler may hold is cancelled.
    Cancel { which: usize },
    /// Time passes.
    Pass { ms: i64 },
    /// An endpoint's settings change.
    Change { n: usize, enabled: bool, rate_per_s: Option<u32>, max_in_flight: Option<u32> },
    /// An endpoint is removed.
    Remove { n: usize },
}

fn step() -> impl Strategy<Value = EngineStep> {
    let lane = prop::sample::select(Priority::ALL.to_vec());
    let pass = prop_oneof![0..50i64, 900..1_200i64, 9_000..60_000i64];
    let change = (0..4usize, any::<bool>(), prop::option::of(1..6u32), prop::option::of(1..8u32));
    prop_oneof![
        6 => (0..4usize, lane, 1..30usize).prop_map(|(n, lane, count)| EngineStep::Put { n, lane, count }),
        3 => (0..4usize, any::<bool>()).prop_map(|(n, committed)| EngineStep::Reserve { n, committed }),
        8 => (any::<usize>(), any::<bool>(), 1..20_000u32)
            .prop_map(|(which, success, duration_ms)| EngineStep::End { which, success, duration_ms }),
        1 => any::<usize>().prop_map(|which| EngineStep::Withdraw { which }),
        2 => any::<usize>().prop_map(|which| EngineStep::Cancel { which }),
        4 => pass.prop_map(|ms| EngineStep::Pass { ms }),
        2 => change.prop_map(|(n, enabled, rate_per_s, max_in_flight)| {
            EngineStep::Change { n, enabled, rate_per_s, max_in_flight }
        }),
        1 => (0..4usize).prop_map(|n| EngineStep::Remove { n }),
    ]
}

/// A bench with its attempts under way.
struct World {
    bench: Bench,
    under_way: Vec<Claimed>,
}

impl World {
    fn new() -> Self {
        let limits = SchedulerLimits { in_flight: IN_FLIGHT, in_flight_per_endpoint: PER_ENDPOINT };
        Self { bench: Bench::of(limits, 4), under_way: vec![] }
    }

    fn act(&mut self, step: EngineStep) {
        let count = self.bench.endpoints.len();
        let bench = &mut self.bench;
        match step {
            EngineStep::Put { n, lane, count: many } if n < count => bench.put(n, lane, many),
            EngineStep::Reserve { n, committed } if n < count => self.reserve(n, committed),
            EngineStep::End { which, success, duration_ms } => {
                if let Some(one) = take(&mut self.under_way, which) {
                    bench.end(&one, success, duration_ms);
                }
            }
            EngineStep::Withdraw { which } => {
                if let Some(one) = take(&mut self.under_way, which) {
                    let not_before = bench.now().plus_ms(1_000);
                    bench.scheduler.withdraw(&one, not_before);
                }
            }
            EngineStep::Cancel { which } => self.cancel(which),
            EngineStep::Pass { ms } => {
                bench.environment.advance_ms(ms);
            }
            EngineStep::Change { n, enabled, rate_per_s, max_in_flight } if n < count => {
                let changed = &mut bench.endpoints[n];
                (changed.enabled, changed.rate_per_s, changed.max_in_flight) = (enabled, rate_per_s, max_in_flight);
                bench.endpoints_changed();
            }
            EngineStep::Remove { n } if n < count => {
                let gone = bench.endpoints.remove(n).id;
                bench.waiting.retain(|(endpoint, _), _| *endpoint != gone);
                bench.leased.retain(|_, one| one.endpoint != gone);
                bench.endpoints_changed();
            }
            // Its endpoint was removed.
            _ => {}
        }
    }

    fn reserve(&mut self, n: usize, committed: bool) {
        let bench = &mut self.bench;
        let (one, now) = (bench.make(n, Priority::Live), bench.now());
        match bench.scheduler.reserve(one.endpoint, now) {
            Some(lease_until) if committed => {
                let one = Claimed { lease_until, ..one };
                bench.leased.insert(one.handle, one.clone());
                bench.scheduler.enqueue(vec![one], now);
            }
            Some(_) => bench.scheduler.cancel_reservation(one.endpoint),
            None => bench.wait(one, None),
        }
    }

    fn cancel(&mut self, which: usize) {
        let begun: HashSet<i64> = self.under_way.iter().map(|one| one.handle).collect();
        let mut handles: Vec<i64> =
            self.bench.leased.keys().copied().filter(|handle| !begun.contains(handle)).collect();
        handles.sort_unstable();
        if let Some(one) = take(&mut handles, which).and_then(|handle| self.bench.leased.remove(&handle)) {
            self.bench.scheduler.forget(one.endpoint, one.id);
        }
    }

    fn turn(&mut self) {
        for (target, one) in self.bench.turn() {
            self.begins(&target.endpoint, one);
        }
    }

    fn begins(&mut self, endpoint: &Endpoint, one: Claimed) {
        assert!(self.bench.leased.contains_key(&one.handle), "it is leased, and not cancelled");
        assert!(self.under_way.iter().all(|other| other.handle != one.handle), "twice under way");
        let left_ms = one.lease_until.since_ms(self.bench.now());
        assert!(left_ms >= i64::from(endpoint.timeout_ms), "an attempt ends within its lease");
        assert!(endpoint.enabled || one.lane == Priority::Test, "nothing goes to one that is off, but tests");
        self.under_way.push(one);
        let most = endpoint.max_in_flight.unwrap_or(PER_ENDPOINT) as usize;
        let own = self.under_way.iter().filter(|one| one.endpoint == endpoint.id).count();
        assert!(own <= most, "{own} at once, of {most}");
    }

    /// The scheduler's counts match the actual state.
    fn check(&self) {
        let Bench { scheduler, leased, waiting, .. } = &self.bench;
        let gone = self.under_way.iter().filter(|one| !leased.contains_key(&one.handle));
        let gone_bytes: usize = gone.clone().map(|one| one.body.len()).sum();
        let known = (self.under_way.len() - gone.count()) as u32;
        assert_eq!(scheduler.in_flight(), known, "those of endpoints that are gone count no more");
        assert!(known <= IN_FLIGHT);
        let places: u32 = scheduler.queues.values().map(|queue| queue.places()).sum();
        assert_eq!(scheduler.held, places, "places");
        assert_eq!(places as usize, leased.len(), "nothing is held that is not leased, nor lost");
        let bytes: usize = leased.values().map(|one| one.body.len()).sum();
        assert_eq!(scheduler.bytes, bytes + gone_bytes, "bytes");
        let mut all = waiting.values().flatten().chain(leased.values()).map(|one| one.handle);
        let mut seen = HashSet::new();
        assert!(all.all(|handle| seen.insert(handle)), "waiting and leased");
    }

    /// With all endpoints enabled and all attempts successful, everything is started eventually.
    fn comes_to_an_end(&mut self) {
        self.bench.endpoints.iter_mut().for_each(|endpoint| endpoint.enabled = true);
        self.bench.endpoints_changed();
        for _ in 0..5_000 {
            self.turn();
            self.check();
            if self.under_way.is_empty()
                && self.bench.waiting.values().all(Vec::is_empty)
                && self.bench.leased.is_empty()
            {
                return;
            }
            while !self.under_way.is_empty() {
                self.act(EngineStep::End { which: 0, success: true, duration_ms: 20 });
            }
            self.act(EngineStep::Pass { ms: 500 });
        }
        panic!("{:?} wait for ever, and {} are held", self.bench.waiting, self.bench.leased.len());
    }
}

fn take<T>(all: &mut Vec<T>, which: usize) -> Option<T> {
    (!all.is_empty()).then(|| all.swap_remove(which % all.len()))
}

proptest! {
    #[test]
    fn nothing_is_lost_nothing_doubled_and_no_limit_passed(steps in prop::collection::vec(step(), 1..80)) {
        let mut world = World::new();
        for step in steps {
            world.act(step);
            world.turn();
            world.check();
        }
        world.comes_to_an_end();
    }
}
