//! The scheduler by itself: told what happened, asked what to do.

use std::collections::BTreeMap;

use gancho_model::{
    Clock as _, DeliveryId, Endpoint, EndpointId, EventId, EventType, Health, MonoTime, Priority, Timestamp,
};
use gancho_store::{Claimed, Claims, Due, Want};
use gancho_testkit::{ManualClock, endpoint};

use super::{Scheduler, SchedulerLimits, Target};

/// A scheduler and the deliveries that wait in an imagined store.
struct Bench {
    scheduler: Scheduler,
    environment: ManualClock,
    endpoints: Vec<Endpoint>,
    /// Deliveries that wait and are not leased, by endpoint and lane, oldest first.
    waiting: BTreeMap<(EndpointId, Priority), Vec<Claimed>>,
    /// Leases that were given back.
    given_back: usize,
}

impl Bench {
    fn new(endpoints: usize) -> Self {
        Self::of(512, endpoints)
    }

    /// With so many attempts at once in all.
    fn of(in_flight: u32, endpoints: usize) -> Self {
        let environment = ManualClock::new(1, 1_800_000_000);
        let limits = SchedulerLimits { in_flight, in_flight_per_endpoint: 8 };
        let endpoints = (0..endpoints).map(|_| endpoint(&environment)).collect();
        let mut bench =
            Self { scheduler: Scheduler::new(limits), environment, endpoints, waiting: BTreeMap::new(), given_back: 0 };
        bench.endpoints_changed();
        bench
    }

    fn now(&self) -> MonoTime {
        self.environment.mono()
    }

    fn endpoints_changed(&mut self) {
        let now = self.now();
        self.scheduler.set_endpoints(self.endpoints.clone(), now);
    }

    /// So many deliveries of an endpoint come into the store.
    fn put(&mut self, n: usize, lane: Priority, count: usize) {
        let (id, now) = (self.endpoints[n].id, self.now());
        let made: Vec<Claimed> = (0..count).map(|_| claimed(&self.environment, id, lane)).collect();
        self.waiting.entry((id, lane)).or_default().extend(made);
        self.scheduler.due(Due { endpoint: id, lane, at: now });
    }

    /// Turns of the engine until it would wait; what began.
    fn turn(&mut self) -> Vec<(std::sync::Arc<Target>, Claimed)> {
        let (now, mut began) = (self.now(), vec![]);
        for _ in 0..100 {
            let wants = self.scheduler.wants(now);
            let claims = self.claim(&wants);
            self.scheduler.claimed(&wants, claims, now);
            self.scheduler.mark_all(now);
            while let Some(started) = self.scheduler.start(now) {
                began.push(started);
            }
            self.given_back += self.scheduler.take_released().len();
            if self.scheduler.next_wake(now).is_none_or(|at| at > now) {
                return began;
            }
        }
        panic!("it turns and turns");
    }

    fn claim(&mut self, wants: &[Want]) -> Claims {
        let mut claims = Claims::default();
        for want in wants {
            let waiting = self.waiting.entry((want.endpoint, want.lane)).or_default();
            let count = waiting.len().min(want.limit as usize);
            for mut one in waiting.drain(..count) {
                one.lease_until = want.lease_until;
                claims.claimed.push(one);
            }
            if !waiting.is_empty() {
                claims.due.push(Due { endpoint: want.endpoint, lane: want.lane, at: self.environment.mono() });
            }
        }
        claims
    }

    /// An attempt ended and is recorded.
    fn end(&mut self, claimed: &Claimed, success: bool, duration_ms: u32) {
        let now = self.now();
        self.scheduler.ended(claimed, success);
        self.scheduler.finished(claimed, duration_ms, now);
        self.scheduler.recorded(claimed.endpoint, claimed.id);
    }
}

pub(super) fn claimed(environment: &ManualClock, endpoint: EndpointId, lane: Priority) -> Claimed {
    let now = environment.now();
    Claimed {
        id: DeliveryId::new(now, environment),
        handle: 0,
        endpoint,
        lane,
        attempts: 0,
        max_attempts: 6,
        lease_until: MonoTime::default(),
        event_id: EventId::new(now, environment),
        event: EventType::parse("a.b").expect("a type"),
        sequence: 1,
        body: "{}".into(),
    }
}

/// The last endpoint answers, all others hang from the first moment on.
fn a_healthy_one_among(hanging: usize) {
    let mut bench = Bench::new(hanging + 1);
    (0..hanging).for_each(|n| bench.put(n, Priority::Live, 50));
    bench.turn();
    for _ in 0..40 {
        bench.put(hanging, Priority::Live, 1);
        let healthy = bench.endpoints[hanging].id;
        let began = bench.turn();
        let own: Vec<_> = began.iter().filter(|(_, one)| one.endpoint == healthy).collect();
        assert_eq!(own.len(), 1, "among {hanging}: it begins at once");
        bench.environment.advance_ms(20);
        bench.end(&own[0].1, true, 20);
        bench.environment.advance_ms(230);
    }
    assert!(bench.given_back < 100, "little is claimed that can't begin: {}", bench.given_back);
    // Ten seconds on, when those that hang are known to be slow: a burst goes at full width.
    bench.put(hanging, Priority::Live, 8);
    let healthy = bench.endpoints[hanging].id;
    assert_eq!(bench.turn().iter().filter(|(_, one)| one.endpoint == healthy).count(), 8, "among {hanging}");
}

#[test]
fn a_healthy_one_among_many_that_hang_begins_at_once() {
    [1, 64, 200, 300].into_iter().for_each(a_healthy_one_among);
}

#[test]
fn one_that_was_fast_and_hangs_is_slow_after_a_second() {
    let mut bench = Bench::new(200);
    for n in 0..200 {
        bench.put(n, Priority::Live, 1);
    }
    for (_, one) in bench.turn() {
        bench.end(&one, true, 5);
    }
    // All hang at once, but the last.
    (0..199).for_each(|n| bench.put(n, Priority::Live, 50));
    bench.turn();
    bench.put(199, Priority::Live, 1);
    let healthy = bench.endpoints[199].id;
    let began = bench.turn();
    let own = began.iter().find(|(_, one)| one.endpoint == healthy).expect("within the first second");
    bench.end(&own.1, true, 5);
    bench.environment.advance_ms(1_000);
    bench.put(199, Priority::Live, 10);
    assert_eq!(bench.turn().iter().filter(|(_, one)| one.endpoint == healthy).count(), 8, "and after it");
}

#[test]
fn leases_that_get_too_short_are_given_back_at_once() {
    let mut bench = Bench::new(1);
    bench.put(0, Priority::Live, 1);
    for (_, one) in bench.turn() {
        bench.end(&one, true, 5);
    }
    // A fast one holds more than it has slots; then it hangs.
    bench.put(0, Priority::Live, 100);
    assert_eq!(bench.turn().len(), 8);
    bench.environment.advance_ms(5_001);
    let now = bench.now();
    bench.scheduler.wants(now);
    let released = bench.scheduler.take_released();
    assert_eq!(released.len(), 92, "all that could not end within its lease any more");
    assert!(bench.scheduler.take_released().is_empty(), "once");
}

/// The first endpoint, failing, with its next probe in ten minutes.
fn failing() -> Bench {
    let mut bench = Bench::new(1);
    let probe_at = Some(bench.now().plus_ms(600_000));
    bench.endpoints[0].health =
        Health { consecutive_failures: 12, failing_since: Some(Timestamp::from_s(1)), probe_at, ..Health::default() };
    bench.endpoints_changed();
    bench
}

#[test]
fn a_requested_probe_goes_at_once_and_a_click_during_it_is_not_lost() {
    let mut bench = failing();
    bench.put(0, Priority::Live, 5);
    assert!(bench.turn().is_empty(), "the next probe is planned for later");
    bench.endpoints[0].health.request_probe();
    bench.endpoints_changed();
    let began = bench.turn();
    assert_eq!(began.len(), 1, "one probe");
    assert_eq!(began[0].0.endpoint.health.probe_requests, 1);
    // A click while it is under way.
    bench.endpoints[0].health.request_probe();
    bench.endpoints_changed();
    assert!(bench.turn().is_empty(), "one at a time");
    bench.end(&began[0].1, false, 50);
    bench.endpoints[0].health.probes_answered = 1;
    bench.endpoints_changed();
    let again = bench.turn();
    assert_eq!((again.len(), again[0].0.endpoint.health.probe_requests), (1, 2), "the click is answered");
    bench.end(&again[0].1, false, 50);
    assert!(bench.turn().is_empty(), "even before its outcome is read back");
}

#[test]
fn a_probe_may_be_what_is_sent_again() {
    let mut bench = failing();
    bench.put(0, Priority::Replay, 3);
    bench.environment.advance_ms(600_000);
    let began = bench.turn();
    assert_eq!(began.iter().map(|(_, one)| one.lane).collect::<Vec<_>>(), [Priority::Replay]);
    bench.end(&began[0].1, false, 50);
    bench.endpoints[0].health.probe_at = Some(bench.now().plus_ms(600_000));
    bench.endpoints_changed();
    bench.put(0, Priority::Live, 3);
    bench.environment.advance_ms(600_000);
    assert_eq!(bench.turn()[0].1.lane, Priority::Live, "what is new goes first");
}

#[test]
fn one_that_comes_while_all_slots_are_taken_has_its_turn() {
    let mut bench = Bench::of(4, 3);
    for n in [0, 1] {
        bench.put(n, Priority::Live, 1);
    }
    for (_, one) in bench.turn() {
        bench.end(&one, true, 5);
    }
    // Two fast ones with a backlog take all slots; then the third gets its first event.
    for n in [0, 1] {
        bench.put(n, Priority::Live, 1_000);
    }
    let mut under_way = bench.turn();
    assert_eq!(under_way.len(), 4);
    bench.put(2, Priority::Live, 1);
    let third = bench.endpoints[2].id;
    under_way.extend(bench.turn());
    for _ in 0..8 {
        let (_, one) = under_way.remove(0);
        bench.end(&one, true, 5);
        // What began at once when the slot was free, before the next turn.
        while let Some(next) = bench.scheduler.start(bench.environment.mono()) {
            under_way.push(next);
        }
        under_way.extend(bench.turn());
        if under_way.iter().any(|(_, one)| one.endpoint == third) {
            return;
        }
    }
    panic!("it waits for a backlog that is not its own");
}

#[test]
fn a_probe_that_could_not_be_made_waits_a_second_and_answers_nobody() {
    let mut bench = failing();
    bench.put(0, Priority::Live, 5);
    bench.endpoints[0].health.request_probe();
    bench.endpoints_changed();
    let began = bench.turn();
    let now = bench.now();
    bench.scheduler.withdraw(&began[0].1, now.plus_ms(1_000));
    bench.scheduler.take_released();
    bench.put(0, Priority::Live, 1);
    assert!(bench.turn().is_empty(), "not at once");
    bench.environment.advance_ms(1_000);
    assert_eq!(bench.turn().len(), 1, "the person who asked has had no answer");
}

#[test]
fn a_test_answers_no_request_for_a_probe() {
    let mut bench = failing();
    bench.put(0, Priority::Live, 5);
    bench.endpoints[0].health.request_probe();
    bench.put(0, Priority::Test, 1);
    bench.endpoints_changed();
    let lanes: Vec<_> = bench.turn().iter().map(|(_, one)| one.lane).collect();
    assert_eq!(lanes, [Priority::Test], "one at a time");
    let mut bench = failing();
    bench.endpoints[0].health.request_probe();
    bench.put(0, Priority::Test, 1);
    bench.endpoints_changed();
    let began = bench.turn();
    bench.end(&began[0].1, false, 50);
    bench.put(0, Priority::Live, 1);
    assert_eq!(bench.turn().len(), 1, "the probe that was asked for");
}

#[test]
fn many_tests_of_one_that_hangs_wait_in_the_store() {
    let mut bench = Bench::new(1);
    bench.put(0, Priority::Test, 20);
    assert_eq!(bench.turn().len(), 8);
    assert!(bench.given_back <= 1, "nothing goes to and fro: {}", bench.given_back);
}
