//! A scheduler with a simulated store that knows every lease.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use gancho_model::{Clock as _, DeliveryId, Endpoint, EndpointId, EventId, EventType, MonoTime, Priority};
use gancho_store::{Claimed, Claims, Due, Want};
use gancho_testkit::{ManualClock, endpoint};

use super::{Scheduler, SchedulerLimits, Target};

pub(super) struct Bench {
    pub scheduler: Scheduler,
    pub environment: ManualClock,
    pub endpoints: Vec<Endpoint>,
    /// Pending deliveries without a lease, by endpoint and queue, oldest first.
    pub waiting: BTreeMap<(EndpointId, Priority), Vec<Claimed>>,
    /// Leased by the scheduler, by the store's row number, until they are recorded.
    pub leased: HashMap<i64, Claimed>,
    /// Number of released leases.
    pub given_back: usize,
    made: i64,
}

impl Bench {
    pub fn new(endpoints: usize) -> Self {
        Self::of(SchedulerLimits { in_flight: 512, in_flight_per_endpoint: 8 }, endpoints)
    }

    pub fn of(limits: SchedulerLimits, endpoints: usize) -> Self {
        let environment = ManualClock::new(1, 1_800_000_000);
        let endpoints = (0..endpoints).map(|_| endpoint(&environment)).collect();
        let (waiting, leased) = Default::default();
        let scheduler = Scheduler::new(limits);
        let mut bench = Self { scheduler, environment, endpoints, waiting, leased, given_back: 0, made: 0 };
        bench.endpoints_changed();
        bench
    }

    pub fn now(&self) -> MonoTime {
        self.environment.mono()
    }

    pub fn endpoints_changed(&mut self) {
        let now = self.now();
        self.scheduler.set_endpoints(self.endpoints.clone(), now);
    }

    pub fn make(&mut self, n: usize, lane: Priority) -> Claimed {
        self.made += 1;
        let now = self.environment.now();
        Claimed {
            id: DeliveryId::new(now, &self.environment),
            handle: self.made,
            endpoint: self.endpoints[n].id,
            lane,
            attempts: 0,
            max_attempts: 6,
            lease_until: MonoTime::default(),
            event_id: EventId::new(now, &self.environment),
            event: EventType::parse("a.b").expect("a type"),
            sequence: 1,
            body: "{}".into(),
        }
    }

    /// Adds deliveries of an endpoint to the store.
    pub fn put(&mut self, n: usize, lane: Priority, count: usize) {
        let made: Vec<Claimed> = (0..count).map(|_| self.make(n, lane)).collect();
        made.into_iter().for_each(|one| self.wait(one, None));
    }

    /// Stores a pending delivery and notifies the scheduler.
    pub fn wait(&mut self, one: Claimed, not_before: Option<MonoTime>) {
        let (endpoint, lane, at) = (one.endpoint, one.lane, not_before.unwrap_or(self.now()));
        self.waiting.entry((endpoint, lane)).or_default().push(one);
        self.scheduler.due(Due { endpoint, lane, at });
    }

    /// Runs engine steps until it would wait; returns the attempts started.
    pub fn turn(&mut self) -> Vec<(Arc<Target>, Claimed)> {
        let (now, mut began) = (self.now(), vec![]);
        for _ in 0..100 {
            let wants = self.scheduler.wants(now);
            let claims = self.claim(&wants);
            self.scheduler.claimed(&wants, claims, now);
            self.scheduler.mark_all(now);
            while let Some(started) = self.scheduler.start(now) {
                began.push(started);
            }
            self.take_back();
            if self.scheduler.next_wake(now).is_none_or(|at| at > now) {
                return began;
            }
        }
        panic!("the scheduler never comes to rest");
    }

    fn claim(&mut self, wants: &[Want]) -> Claims {
        let mut claims = Claims::default();
        for want in wants {
            let is_open = self.endpoints.iter().any(|endpoint| endpoint.id == want.endpoint && endpoint.is_open());
            assert!(is_open || want.lane == Priority::Test, "nothing is claimed for one that is off, but tests");
            let waiting = self.waiting.entry((want.endpoint, want.lane)).or_default();
            let count = waiting.len().min(want.limit as usize);
            for one in waiting.drain(..count) {
                let one = Claimed { lease_until: want.lease_until, ..one };
                self.leased.insert(one.handle, one.clone());
                claims.claimed.push(one);
            }
            if !waiting.is_empty() {
                claims.due.push(Due { endpoint: want.endpoint, lane: want.lane, at: self.environment.mono() });
            }
        }
        claims
    }

    /// Returns the deliveries of released leases to the store.
    fn take_back(&mut self) {
        for release in self.scheduler.take_released() {
            self.given_back += 1;
            // The store has nothing for a removed endpoint.
            if self.endpoints.iter().any(|endpoint| endpoint.id == release.endpoint) {
                let one = self.leased.remove(&release.handle).expect("it was leased, and is given back once");
                assert_eq!(one.lease_until, release.lease_until, "this lease");
                self.wait(one, release.not_before);
            }
        }
    }

    /// An attempt ends and is recorded.
    pub fn end(&mut self, claimed: &Claimed, success: bool, duration_ms: u32) {
        let now = self.now();
        self.scheduler.ended(claimed, success);
        self.scheduler.finished(claimed, duration_ms, now);
        self.scheduler.recorded(claimed.endpoint, claimed.id);
        self.leased.remove(&claimed.handle);
    }
}
