//! Whatever happens in whatever order: what the scheduler promises.

use std::collections::{BTreeMap, HashMap, HashSet};

use gancho_model::{Clock as _, Endpoint, MonoTime, Priority};
use gancho_store::{Claimed, Claims, Due, Want};
use gancho_testkit::{ManualClock, endpoint};
use proptest::prelude::*;

use super::{Scheduler, SchedulerLimits, tests::claimed};

const IN_FLIGHT: u32 = 12;
const PER_ENDPOINT: u32 = 4;

/// Something that happens to an engine.
#[derive(Clone, Debug)]
enum EngineStep {
    /// Deliveries of an endpoint come into the store.
    Put { n: usize, lane: Priority, count: usize },
    /// An event comes in, for whose delivery a place is asked; it is committed or not.
    Reserve { n: usize, committed: bool },
    /// One of those under way ends.
    End { which: usize, success: bool, duration_ms: u32 },
    /// One of those under way could not be made.
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

/// A scheduler, and a store that knows who has a lease.
struct World {
    scheduler: Scheduler,
    environment: ManualClock,
    endpoints: Vec<Endpoint>,
    /// Not leased, oldest first.
    waiting: Vec<Claimed>,
    /// Leased and not under way, by handle.
    leased: HashMap<i64, Claimed>,
    under_way: Vec<Claimed>,
    made: i64,
}

impl World {
    fn new() -> Self {
        let environment = ManualClock::new(1, 1_800_000_000);
        let limits = SchedulerLimits { in_flight: IN_FLIGHT, in_flight_per_endpoint: PER_ENDPOINT };
        let endpoints = (0..4).map(|_| endpoint(&environment)).collect();
        let (waiting, leased, under_way) = Default::default();
        let scheduler = Scheduler::new(limits);
        let mut world = Self { scheduler, environment, endpoints, waiting, leased, under_way, made: 0 };
        world.endpoints_changed();
        world
    }

    fn now(&self) -> MonoTime {
        self.environment.mono()
    }

    fn endpoints_changed(&mut self) {
        let now = self.now();
        self.scheduler.set_endpoints(self.endpoints.clone(), now);
    }

    fn make(&mut self, n: usize, lane: Priority) -> Option<Claimed> {
        self.made += 1;
        let endpoint = self.endpoints.get(n)?.id;
        Some(Claimed { handle: self.made, ..claimed(&self.environment, endpoint, lane) })
    }

    fn is_known(&self, one: &Claimed) -> bool {
        self.endpoints.iter().any(|endpoint| endpoint.id == one.endpoint)
    }

    fn act(&mut self, step: EngineStep) {
        let now = self.now();
        match step {
            EngineStep::Put { n, lane, count } => {
                let made: Vec<_> = (0..count).filter_map(|_| self.make(n, lane)).collect();
                made.first()
                    .into_iter()
                    .for_each(|one| self.scheduler.due(Due { endpoint: one.endpoint, lane, at: now }));
                self.waiting.extend(made);
            }
            EngineStep::Reserve { n, committed } => self.reserve(n, committed),
            EngineStep::End { which, success, duration_ms } => {
                if let Some(one) = take(&mut self.under_way, which) {
                    self.scheduler.ended(&one, success);
                    self.scheduler.finished(&one, duration_ms, now);
                    self.scheduler.recorded(one.endpoint, one.id);
                }
            }
            EngineStep::Withdraw { which } => {
                if let Some(one) = take(&mut self.under_way, which) {
                    self.scheduler.withdraw(&one, now.plus_ms(1_000));
                    // Of an endpoint that is gone, nothing is left in the store.
                    self.is_known(&one).then(|| self.leased.insert(one.handle, one));
                }
            }
            EngineStep::Cancel { which } => {
                let mut handles: Vec<i64> = self.leased.keys().copied().collect();
                handles.sort_unstable();
                if let Some(one) = take(&mut handles, which).and_then(|handle| self.leased.remove(&handle)) {
                    self.scheduler.forget(one.endpoint, one.id);
                }
            }
            EngineStep::Pass { ms } => {
                self.environment.advance_ms(ms);
            }
            EngineStep::Change { n, enabled, rate_per_s, max_in_flight } => {
                if let Some(endpoint) = self.endpoints.get_mut(n) {
                    (endpoint.enabled, endpoint.rate_per_s, endpoint.max_in_flight) =
                        (enabled, rate_per_s, max_in_flight);
                    self.endpoints_changed();
                }
            }
            EngineStep::Remove { n } => {
                if n < self.endpoints.len() {
                    let gone = self.endpoints.remove(n).id;
                    self.waiting.retain(|one| one.endpoint != gone);
                    self.leased.retain(|_, one| one.endpoint != gone);
                    self.endpoints_changed();
                }
            }
        }
    }

    fn reserve(&mut self, n: usize, committed: bool) {
        let now = self.now();
        let Some(one) = self.make(n, Priority::Live) else { return };
        match self.scheduler.reserve(one.endpoint, now) {
            Some(lease_until) if committed => {
                let one = Claimed { lease_until, ..one };
                self.leased.insert(one.handle, one.clone());
                self.scheduler.enqueue(vec![one], now);
            }
            Some(_) => self.scheduler.cancel_reservation(one.endpoint),
            None => {
                self.scheduler.due(Due { endpoint: one.endpoint, lane: one.lane, at: now });
                self.waiting.push(one);
            }
        }
    }

    /// What the engine does in its turn, until it would wait.
    fn turn(&mut self) {
        let now = self.now();
        for _ in 0..100 {
            let wants = self.scheduler.wants(now);
            let claims = self.claim(&wants);
            self.scheduler.claimed(&wants, claims, now);
            self.scheduler.mark_all(now);
            while let Some((target, one)) = self.scheduler.start(now) {
                self.begins(&target.endpoint, one);
            }
            self.take_back();
            if self.scheduler.next_wake(now).is_none_or(|at| at > now) {
                return;
            }
        }
        panic!("it turns and turns");
    }

    fn claim(&mut self, wants: &[Want]) -> Claims {
        let mut claims = Claims::default();
        for want in wants {
            let mut left = want.limit;
            let matching = |one: &Claimed| one.endpoint == want.endpoint && one.lane == want.lane;
            for one in self
                .waiting
                .extract_if(.., |one| matching(one) && left.checked_sub(1).map(|less| left = less).is_some())
            {
                let one = Claimed { lease_until: want.lease_until, ..one };
                self.leased.insert(one.handle, one.clone());
                claims.claimed.push(one);
            }
            if self.waiting.iter().any(matching) {
                claims.due.push(Due { endpoint: want.endpoint, lane: want.lane, at: self.environment.mono() });
            }
        }
        claims
    }

    fn take_back(&mut self) {
        for release in self.scheduler.take_released() {
            if !self.endpoints.iter().any(|endpoint| endpoint.id == release.endpoint) {
                continue;
            }
            let one = self.leased.remove(&release.handle).expect("it was leased, and is given back once");
            assert_eq!(one.lease_until, release.lease_until, "this lease");
            self.waiting.push(one);
            let at = release.not_before.unwrap_or(self.environment.mono());
            self.scheduler.due(Due { endpoint: release.endpoint, lane: release.lane, at });
        }
    }

    fn begins(&mut self, endpoint: &Endpoint, one: Claimed) {
        self.leased.remove(&one.handle).expect("it is leased, not cancelled, and under way but once");
        let left_ms = one.lease_until.since_ms(self.now());
        assert!(left_ms >= i64::from(endpoint.timeout_ms), "an attempt ends within its lease");
        assert!(endpoint.enabled || one.lane == Priority::Test, "nothing goes to one that is off, but tests");
        self.under_way.push(one);
        let most = endpoint.max_in_flight.unwrap_or(PER_ENDPOINT) as usize;
        let own = self.under_way.iter().filter(|one| one.endpoint == endpoint.id).count();
        assert!(own <= most, "{own} at once, of {most}");
    }

    /// What it counts is what there is.
    fn check(&self) {
        let known = self.under_way.iter().filter(|one| self.is_known(one)).count() as u32;
        assert_eq!(self.scheduler.in_flight(), known);
        assert!(known <= IN_FLIGHT);
        let places: u32 = self.scheduler.queues.values().map(|queue| queue.places()).sum();
        assert_eq!(self.scheduler.held, places, "places");
        assert_eq!(places as usize, self.leased.len() + known as usize, "nothing is held that is not leased, nor lost");
        let bytes = self.leased.values().chain(&self.under_way).map(|one| one.body.len()).sum::<usize>();
        assert_eq!(self.scheduler.bytes, bytes, "bytes");
        let handles: HashSet<_> = self.waiting.iter().chain(self.leased.values()).map(|one| one.handle).collect();
        assert_eq!(handles.len(), self.waiting.len() + self.leased.len());
    }

    /// All are on, and all attempts end well: everything begins, in the end.
    fn comes_to_an_end(&mut self) {
        self.endpoints.iter_mut().for_each(|endpoint| endpoint.enabled = true);
        self.endpoints_changed();
        for _ in 0..5_000 {
            self.turn();
            self.check();
            if self.under_way.is_empty() && self.waiting.is_empty() && self.leased.is_empty() {
                return;
            }
            while !self.under_way.is_empty() {
                self.act(EngineStep::End { which: 0, success: true, duration_ms: 20 });
            }
            self.act(EngineStep::Pass { ms: 500 });
        }
        let left = self.waiting.iter().fold(BTreeMap::<_, u32>::new(), |mut left, one| {
            *left.entry((one.endpoint, one.lane)).or_default() += 1;
            left
        });
        panic!("{left:?} wait for ever, and {} are held", self.leased.len());
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
