use proptest::prelude::*;

use super::*;

/// This many seconds after the start, by both clocks.
fn at_s(s: i64) -> Moment {
    Moment { wall: Timestamp::from_s(s), mono: MonoTime::from_ms(s * 1000) }
}

fn end(success: bool, plan: &RetryPolicy, now: Moment) -> AttemptEnd<'_> {
    AttemptEnd { success, plan, now, jitter: 0.0, probe_request: 0 }
}

/// An endpoint that became failing at this second.
fn failing_since(s: i64) -> Health {
    let mut health = Health::default();
    for _ in 0..FAILING_AFTER {
        health.note(end(false, &RetryPolicy::default(), at_s(s)));
    }
    assert!(health.is_failing());
    health
}

#[test]
fn an_outage_from_beginning_to_end() {
    let (plan, mut health) = (RetryPolicy::default(), Health::default());
    assert_eq!(health.state(true, false), HealthState::Idle);
    for n in 0..9 {
        assert_eq!(health.note(end(false, &plan, at_s(n))), None);
    }
    assert_eq!(health.state(true, false), HealthState::Ok);
    assert_eq!(health.note(end(false, &plan, at_s(9))), Some(HealthTransition::Failing));
    assert_eq!(health.state(true, false), HealthState::Failing);
    let (mut waits, mut now_s) = (vec![], 9);
    for _ in 0..6 {
        let at_ms = health.probe_at.expect("a probe is planned").ms();
        waits.push(at_ms / 1000 - now_s);
        now_s = at_ms / 1000;
        assert_eq!(health.note(end(false, &plan, at_s(now_s))), None);
    }
    assert_eq!(waits, [5, 25, 125, 600, 600, 600]);
    assert_eq!(health.note(end(true, &plan, at_s(9999))), Some(HealthTransition::Recovered));
    assert_eq!((health.consecutive_failures, health.failing_ms), (0, 0));
    assert_eq!(health.note(end(true, &plan, at_s(9999))), None);
}

#[test]
fn five_days_of_failures_disable() {
    let (plan, mut health) = (RetryPolicy::default(), Health::default());
    let (mut turns, mut now_ms) = (vec![], 0);
    while now_ms < DISABLE_AFTER_MS {
        turns.extend(health.note(end(false, &plan, at_s(now_ms / 1000))));
        now_ms = health.probe_at.map_or(now_ms + 1000, MonoTime::ms);
    }
    assert_eq!(turns, [HealthTransition::Failing]);
    assert_eq!(health.note(end(false, &plan, at_s(now_ms / 1000))), Some(HealthTransition::Disabled));
}

#[test]
fn one_failure_a_day_disables_after_five_days_too() {
    let mut health = failing_since(0);
    for day in 1..=4 {
        assert_eq!(health.note(end(false, &RetryPolicy::default(), at_s(day * 86_400))), None, "day {day}");
    }
    assert_eq!(health.note(end(false, &RetryPolicy::default(), at_s(5 * 86_400))), Some(HealthTransition::Disabled));
}

#[test]
fn a_wall_clock_that_is_set_disables_nothing() {
    let mut health = failing_since(0);
    let ahead = Moment { wall: Timestamp::from_s(6 * 86_400), mono: MonoTime::from_ms(60_000) };
    assert_eq!(health.note(end(false, &RetryPolicy::default(), ahead)), None);
    assert_eq!(health.failing_ms, 60_000);
    let back = Moment { wall: Timestamp::from_s(-86_400), mono: MonoTime::from_ms(70_000) };
    health.note(end(false, &RetryPolicy::default(), back));
    assert_eq!(health.failing_ms, 70_000);
}

#[test]
fn a_start_days_ahead_or_back_plans_the_probe_within_ten_minutes_and_counts_nothing() {
    for days in [-40, -6, 0, 6, 40] {
        let (mut health, start) = (failing_since(0), MonoTime::from_ms(days * DAY_MS));
        let planned = health.probe_at.expect("planned");
        health.replan(&RetryPolicy::default(), start);
        let at = health.probe_at.expect("still planned");
        assert!(at <= start.plus_ms(PROBE_MS_MAX) && at <= planned, "{days}");
        let soon = Moment { wall: Timestamp::from_ms(start.ms()), mono: start.plus_ms(1000) };
        assert_eq!(health.note(end(false, &RetryPolicy::default(), soon)), None, "{days}");
        assert_eq!(health.failing_ms, 1000, "{days}");
    }
}

#[test]
fn an_older_version_s_outage_is_not_forgotten() {
    let mut health = failing_since(0);
    (health.counted_at, health.failing_ms) = (None, 0);
    health.last_failure_at = Some(Timestamp::from_s(3600));
    health.replan(&RetryPolicy::default(), MonoTime::from_ms(DAY_MS));
    assert_eq!((health.failing_ms, health.counted_at), (3_600_000, Some(MonoTime::from_ms(DAY_MS))));
}

#[test]
fn a_request_during_a_probe_is_not_answered_by_it() {
    let mut health = failing_since(0);
    health.request_probe();
    assert!(health.is_probe_requested());
    let (began_with, plan) = (health.probe_requests, RetryPolicy::default());
    health.request_probe();
    let ended = AttemptEnd { probe_request: began_with, ..end(false, &plan, at_s(60)) };
    health.note(ended);
    assert!(health.is_probe_requested(), "the second click came after the probe began");
    health.note(AttemptEnd { probe_request: health.probe_requests, ..ended });
    assert!(!health.is_probe_requested());
    health.request_probe();
    health.note(end(true, &RetryPolicy::default(), at_s(90)));
    assert!(!health.is_probe_requested(), "a success answers all");
    health.request_probe();
    assert!(health.is_probe_requested(), "and the next request counts again");
}

#[test]
fn which_attempts_count() {
    let (well, failing) = (Health::default(), failing_since(0));
    for (lane, success, in_health, in_failure) in [
        (Priority::Live, true, true, true),
        (Priority::Live, false, true, true),
        (Priority::Replay, true, false, true),
        (Priority::Replay, false, false, true),
        (Priority::Test, true, false, true),
        (Priority::Test, false, false, false),
    ] {
        let counted = (well.counts(lane, success), failing.counts(lane, success));
        assert_eq!(counted, (in_health, in_failure), "{lane:?} {success}");
    }
}

proptest! {
    #[test]
    fn a_success_always_heals(outcomes in prop::collection::vec(any::<bool>(), 0..60)) {
        let (plan, mut health) = (RetryPolicy::default(), Health::default());
        let mut failing = false;
        for (n, &success) in outcomes.iter().enumerate() {
            let turn = health.note(end(success, &plan, at_s(n as i64)));
            match turn {
                Some(HealthTransition::Failing) => { prop_assert!(!failing); failing = true; }
                Some(HealthTransition::Recovered) => { prop_assert!(failing); failing = false; }
                _ => {}
            }
            prop_assert_eq!(health.is_failing(), failing);
            prop_assert_eq!(health.is_failing(), health.consecutive_failures >= FAILING_AFTER);
        }
    }
}
