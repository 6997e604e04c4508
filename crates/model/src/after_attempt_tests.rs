use super::*;
use crate::{DeliveryId, EndpointId, FAILING_AFTER, Pattern, Secret};

struct Zero;

impl Rng for Zero {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.fill(0);
    }
}

fn endpoint() -> Endpoint {
    let now = Timestamp::from_ms(0);
    let id = EndpointId::new(now, &Zero);
    let url = "https://example.com/hook?token=s3cret";
    Endpoint { name: Some("Shop".into()), ..Endpoint::new(id, url, Secret::new("s"), now) }
}

fn at(ms: i64) -> Moment {
    Moment { wall: Timestamp::from_ms(ms), mono: MonoTime::from_ms(ms) }
}

fn ended(endpoint: &Endpoint, decision: Decision, priority: Priority) -> EndedAttempt<'_> {
    EndedAttempt {
        delivery: DeliveryId::from_bytes([7; 16]),
        decision,
        priority,
        url: &endpoint.url,
        gone: false,
        status: Some(if decision.is_success() { 200 } else { 500 }),
        error: (!decision.is_success()).then_some(ErrorKind::Status),
        message: (!decision.is_success()).then_some("the receiver answered 500"),
        ended_at: at(1_000),
        jitter: 0.5,
        probe_request: 0,
    }
}

/// The health after this many failures.
fn failed(times: u32) -> Health {
    let endpoint = endpoint();
    let one = ended(&endpoint, Decision::Failed, Priority::Live);
    (0..times)
        .fold(Health::default(), |health, _| endpoint_after(&endpoint, health, &one, true).health.unwrap_or(health))
}

#[test]
fn what_becomes_of_a_delivery() {
    let (now, later) = (MonoTime::from_ms(5), MonoTime::from_ms(9));
    assert_eq!(delivery_after(Decision::Delivered, true, now), (State::Delivered, None));
    assert_eq!(delivery_after(Decision::Retry { at: later }, false, now), (State::Pending, Some(later)));
    assert_eq!(delivery_after(Decision::Failed, false, now), (State::Failed, None));
    assert_eq!(delivery_after(Decision::Failed, true, now), (State::Pending, Some(now)), "a person gave it more");
}

#[test]
fn failures_make_it_failing_and_a_success_makes_it_well() {
    let endpoint = endpoint();
    let failure = ended(&endpoint, Decision::Failed, Priority::Live);
    let last = endpoint_after(&endpoint, failed(FAILING_AFTER - 1), &failure, true);
    assert_eq!((last.transition, last.reload, last.disabled), (Some(HealthTransition::Failing), true, None));
    assert_eq!(last.health.map(|health| health.last_status), Some(Some(500)));
    let success = ended(&endpoint, Decision::Delivered, Priority::Live);
    let well = endpoint_after(&endpoint, failed(FAILING_AFTER), &success, true);
    assert_eq!((well.transition, well.release_retries), (Some(HealthTransition::Recovered), true));
    assert_eq!(well.resend_since, Some(Timestamp::from_ms(1_000)));
    assert_eq!(endpoint_after(&endpoint, failed(FAILING_AFTER), &success, false).resend_since, None, "by a setting");
    let gone = EndedAttempt { gone: true, ..failure };
    let disabled = endpoint_after(&endpoint, Health::default(), &gone, true);
    assert_eq!((disabled.disabled, disabled.transition), (Some("gone"), Some(HealthTransition::Disabled)));
}

#[test]
fn what_says_nothing_of_an_endpoint_changes_nothing() {
    let endpoint = endpoint();
    let nothing = EndpointEffects::default();
    let live = ended(&endpoint, Decision::Failed, Priority::Live);
    let elsewhere = EndedAttempt { url: "https://example.com/another", ..live };
    assert_eq!(endpoint_after(&endpoint, Health::default(), &elsewhere, true), nothing, "it has another URL by now");
    let failed_test = ended(&endpoint, Decision::Failed, Priority::Test);
    assert_eq!(endpoint_after(&endpoint, failed(FAILING_AFTER), &failed_test, true), nothing);
    let replayed = ended(&endpoint, Decision::Failed, Priority::Replay);
    assert_eq!(endpoint_after(&endpoint, Health::default(), &replayed, true), nothing);
    let good_test = ended(&endpoint, Decision::Delivered, Priority::Test);
    let released = endpoint_after(&endpoint, failed(3), &good_test, true);
    assert_eq!(
        released,
        EndpointEffects { release_retries: true, ..EndpointEffects::default() },
        "it works again: go on"
    );
    let disabled = Endpoint { enabled: false, ..endpoint.clone() };
    assert_eq!(endpoint_after(&disabled, failed(FAILING_AFTER), &good_test, true), nothing);
}

#[test]
fn an_announcement_shows_no_secret() {
    let endpoint = endpoint();
    let failure = ended(&endpoint, Decision::Failed, Priority::Live);
    let event = announcement(&endpoint, HealthTransition::Disabled, &failed(3), &failure, &Zero).expect("an event");
    let body = String::from_utf8(event.body.to_vec()).expect("text");
    assert!(body.contains("endpoint.disabled") && body.contains("\"reason\":\"failing\""), "{body}");
    assert!(body.contains("the receiver answered 500") && !body.contains("s3cret"), "{body}");
}

#[test]
fn who_gets_an_event() {
    use crate::{EventType, Mismatch, PlannedDelivery, Reason, SourceId, may_go_at_once, mismatch, plan_deliveries};
    let event = |name: &str| EventType::parse(name).expect("a type");
    let (one, other) = (SourceId::from_bytes([1; 16]), SourceId::from_bytes([2; 16]));
    let all = endpoint();
    let some =
        Endpoint { events: vec![Pattern::parse("invoice.*").expect("a pattern")], sources: vec![one], ..endpoint() };
    let off = Endpoint { enabled: false, ..endpoint() };
    for (endpoint, name, source, expected) in [
        (&all, "invoice.paid", Some(other), None),
        (&all, "invoice.paid", None, None),
        (&some, "invoice.paid", Some(one), None),
        (&some, "invoice.paid", Some(other), Some(Mismatch::Source)),
        (&some, "invoice.paid", None, Some(Mismatch::Source)),
        (&some, "customer.created", Some(one), Some(Mismatch::Type)),
        (&off, "invoice.paid", None, Some(Mismatch::Disabled)),
    ] {
        assert_eq!(mismatch(endpoint, &event(name), source), expected, "{name}");
    }
    let paused = Endpoint { paused: true, ..endpoint() };
    let failing = Endpoint { health: failed(FAILING_AFTER), ..endpoint() };
    assert_eq!([&all, &off, &paused, &failing].map(may_go_at_once), [true, false, false, false]);
    let made = Event::own(event("demo.made"), 1.into(), None, Timestamp::from_ms(0), &Zero);
    let planned = |bytes_max| plan_deliveries(&made, bytes_max, [&all, &off, &paused], &crate::Customers::new());
    let delivery =
        |endpoint: &Endpoint, skipped| PlannedDelivery { endpoint: endpoint.id, max_attempts: 6, skipped, body: None };
    assert_eq!(planned(1_000), [delivery(&all, None), delivery(&paused, None)], "a paused one collects");
    assert_eq!(planned(10)[0], delivery(&all, Some(Reason::TooLarge)));
}

#[test]
fn the_last_failed_delivery_is_remembered_until_one_arrives() {
    let endpoint = endpoint();
    let failure = ended(&endpoint, Decision::Retry { at: MonoTime::from_ms(9_000) }, Priority::Live);
    let effects = endpoint_after(&endpoint, Health::default(), &failure, false);
    let health = effects.health.expect("it counts");
    assert_eq!(health.last_failed, Some(failure.delivery));
    let success = ended(&endpoint, Decision::Delivered, Priority::Live);
    let health = endpoint_after(&endpoint, health, &success, false).health.expect("it counts");
    assert_eq!(health.last_failed, None);
}
