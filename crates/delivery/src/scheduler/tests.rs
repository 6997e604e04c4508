//! Unit tests of the scheduler: events in, actions out.

use gancho_model::{Clock as _, Health, Priority, Timestamp};

use super::{SchedulerLimits, bench::Bench};

/// The last endpoint responds, all others hang from the start.
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
    // Ten seconds later the hanging ones are known to be slow: a burst gets all slots.
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
    // All but the last hang at once.
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
    // A fast endpoint holds more than its slots; then it hangs.
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
    // A probe request while the probe is under way.
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
fn the_next_probe_waits_until_the_last_one_is_recorded() {
    let mut bench = failing();
    bench.put(0, Priority::Live, 3);
    bench.environment.advance_ms(600_000);
    let began = bench.turn();
    assert_eq!(began.len(), 1);
    let now = bench.now();
    bench.scheduler.ended(&began[0].1, false);
    assert!(!bench.scheduler.finished(&began[0].1, 50, now), "nothing is to be claimed");
    assert!(bench.turn().is_empty(), "when the next may go is only known then");
    bench.endpoints[0].health.probe_at = Some(now.plus_ms(1));
    bench.endpoints_changed();
    bench.scheduler.recorded(began[0].1.endpoint, began[0].1.id);
    bench.environment.advance_ms(1);
    assert_eq!(bench.turn().len(), 1);
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
    let mut bench = Bench::of(SchedulerLimits { in_flight: 4, in_flight_per_endpoint: 8 }, 3);
    for n in [0, 1] {
        bench.put(n, Priority::Live, 1);
    }
    for (_, one) in bench.turn() {
        bench.end(&one, true, 5);
    }
    // Two fast endpoints with a backlog use all slots; then the third gets its first event.
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
        // Attempts started as soon as the slot was free, before the next step.
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
