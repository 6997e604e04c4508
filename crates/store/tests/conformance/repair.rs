//! A person has repaired a receiver and goes on; a process starts with another clock.

use gancho_model::{Decision, Endpoint, EndpointId, HealthTransition, Priority, State, WaitingFor};
use gancho_store::{Claimed, DeliveryFilter, Release, StoreError};

use crate::{Bench, Kind, outcome};

const HOUR_MS: i64 = 3_600_000;

impl Bench {
    async fn endpoint_now(&self, id: EndpointId) -> Endpoint {
        self.store.endpoint(id).await.expect("is there")
    }

    async fn fail(&self, claimed: &Claimed) {
        let at = self.mono().plus_ms(HOUR_MS);
        self.store
            .record(self.node, vec![outcome(claimed, Decision::Retry { at }, self.moment())].into())
            .await
            .expect("recorded");
    }

    /// An endpoint that has come to be failing, with so many deliveries that wait for an hour.
    async fn failing(&self, count: usize) -> EndpointId {
        let id = self.add_endpoint(&["a.*"]).await.id;
        self.accept((0..count).map(|_| self.event("a.b")).collect()).await;
        for one in self.claim(id, count as u32).await.claimed {
            self.fail(&one).await;
        }
        assert!(self.endpoint_now(id).await.health.is_failing());
        id
    }

    async fn change(&self, id: EndpointId, change: impl FnOnce(&mut Endpoint)) {
        let mut endpoint = self.endpoint_now(id).await;
        let read_at = endpoint.updated_at;
        change(&mut endpoint);
        self.store.save_endpoint(endpoint, read_at).await.expect("saved");
    }

    async fn is_requested(&self, id: EndpointId) -> bool {
        self.endpoint_now(id).await.health.is_probe_requested()
    }
}

pub(crate) async fn whatever_says_that_it_was_repaired_asks_for_a_probe(bench: Bench) {
    let id = bench.failing(10).await;
    assert!(!bench.is_requested(id).await);
    assert_eq!(bench.store.retry_endpoint(id).await, Ok(10));
    assert!(bench.is_requested(id).await, "by its own verb");

    let id = bench.failing(10).await;
    bench.change(id, |endpoint| endpoint.name = Some("Otro".into())).await;
    assert!(!bench.is_requested(id).await, "another name repairs nothing");
    bench.change(id, |endpoint| endpoint.paused = true).await;
    assert!(!bench.is_requested(id).await);
    assert!(matches!(bench.store.retry_endpoint(id).await, Err(StoreError::Conflict(_))), "it is paused");
    bench.change(id, |endpoint| endpoint.paused = false).await;
    assert!(bench.is_requested(id).await, "by resuming it");

    let id = bench.failing(10).await;
    bench.change(id, |endpoint| endpoint.url = "https://example.org/".into()).await;
    assert!(bench.is_requested(id).await, "by another URL");
    bench.change(id, |endpoint| endpoint.enabled = false).await;
    assert!(matches!(bench.store.retry_endpoint(id).await, Err(StoreError::Conflict(_))), "it is disabled");

    let id = bench.failing(10).await;
    let filter = DeliveryFilter { endpoint: Some(id), ..DeliveryFilter::default() };
    let waiting = bench.store.deliveries(None, filter, 3).await.expect("reads").items;
    let chosen = waiting[1].id;
    bench.store.retry(chosen, bench.mono()).await.expect("goes again");
    assert!(bench.is_requested(id).await, "by sending a delivery again");
    let probe = bench.claim_lane(id, Priority::Live, 1, true).await.claimed.remove(0);
    assert_eq!(probe.id, chosen, "which is then the probe");
}

pub(crate) async fn the_first_success_releases_everything_that_waits(bench: Bench) {
    let id = bench.failing(10).await;
    let probe = bench.claim_lane(id, Priority::Live, 1, true).await.claimed.remove(0);
    assert!(bench.claim(id, 99).await.claimed.is_empty(), "the rest waits for an hour");
    let outcomes = vec![outcome(&probe, Decision::Delivered, bench.moment())];
    let turned = bench.store.record(bench.node, outcomes.into()).await.expect("recorded");
    assert_eq!(turned[0].transition, HealthTransition::Recovered);
    assert_eq!(bench.claim(id, 99).await.claimed.len(), 9);
}

pub(crate) async fn a_passed_test_is_a_success_of_a_failing_endpoint_with_an_empty_queue_too(bench: Bench) {
    let id = bench.failing(10).await;
    for one in bench.store.deliveries(None, Default::default(), 99).await.expect("reads").items {
        bench.store.cancel(one.id).await.expect("cancelled");
    }
    for (verdict, failing) in [(Decision::Failed, true), (Decision::Delivered, false)] {
        bench.send_sample(id, bench.event("a.b").event).await.expect("sent");
        let test = bench.claim_lane(id, Priority::Test, 1, false).await.claimed.remove(0);
        let before = bench.endpoint_now(id).await.health.consecutive_failures;
        bench.store.record(bench.node, vec![outcome(&test, verdict, bench.moment())].into()).await.expect("recorded");
        let health = bench.endpoint_now(id).await.health;
        assert_eq!(health.is_failing(), failing);
        assert!(!failing || health.consecutive_failures == before, "a failed test is not held against it");
    }
}

pub(crate) async fn a_passed_test_of_a_disabled_endpoint_changes_nothing(bench: Bench) {
    let id = bench.failing(10).await;
    bench.change(id, |endpoint| endpoint.enabled = false).await;
    bench.send_sample(id, bench.event("a.b").event).await.expect("sent");
    let test = bench.claim_lane(id, Priority::Test, 1, false).await.claimed.remove(0);
    bench
        .store
        .record(bench.node, vec![outcome(&test, Decision::Delivered, bench.moment())].into())
        .await
        .expect("recorded");
    assert!(bench.endpoint_now(id).await.health.is_failing());
}

pub(crate) async fn a_healthy_endpoint_s_retries_become_due(bench: Bench) {
    let id = bench.add_endpoint(&["a.*"]).await.id;
    bench.accept((0..3).map(|_| bench.event("a.b")).collect()).await;
    for one in bench.claim(id, 3).await.claimed {
        bench.fail(&one).await;
    }
    assert!(bench.claim(id, 9).await.claimed.is_empty());
    assert_eq!(bench.store.retry_endpoint(id).await, Ok(3));
    assert!(!bench.is_requested(id).await);
    assert_eq!(bench.claim(id, 9).await.claimed.len(), 3);
}

pub(crate) async fn what_is_sent_again_may_be_the_probe_and_count(bench: Bench) {
    let id = bench.failing(10).await;
    let mut probe = bench.claim_lane(id, Priority::Live, 1, true).await.claimed.remove(0);
    probe.lane = Priority::Replay;
    let before = bench.endpoint_now(id).await.health;
    bench.environment.advance_ms(HOUR_MS);
    bench.fail(&probe).await;
    let after = bench.endpoint_now(id).await.health;
    assert!(after.probe_at > before.probe_at, "the next probe is planned");
    let outcomes = vec![outcome(&probe, Decision::Delivered, bench.moment())];
    assert_eq!(
        bench.store.record(bench.node, outcomes.into()).await.expect("recorded")[0].transition,
        HealthTransition::Recovered
    );
}

pub(crate) async fn a_lease_that_is_given_back_is_due_at_once(bench: Bench) {
    let id = bench.add_endpoint(&["a.*"]).await.id;
    bench.accept((0..2).map(|_| bench.event("a.b")).collect()).await;
    let claimed = bench.claim(id, 2).await.claimed;
    let release = |claimed: &Claimed, not_before| Release {
        handle: claimed.handle,
        endpoint: id,
        lane: Priority::Live,
        lease_until: claimed.lease_until,
        not_before,
    };
    let later = bench.mono().plus_ms(1_000);
    let leases = vec![release(&claimed[0], None), release(&claimed[1], Some(later))];
    bench.store.release(bench.node, leases.clone()).await.expect("released");
    bench.environment.advance_ms(1);
    let again = bench.claim(id, 9).await.claimed;
    assert_eq!(again.iter().map(|one| one.id).collect::<Vec<_>>(), [claimed[0].id]);
    assert_eq!(again[0].attempts, 0, "no attempt was spent");
    bench.environment.advance_ms(1_000);
    let other = bench.claim(id, 9).await.claimed.remove(0);
    // Somebody else's lease by now: it is not taken away.
    bench.store.release(bench.node, leases).await.expect("nothing to do");
    assert!(bench.claim(id, 9).await.claimed.is_empty());
    let delivery = bench.store.delivery(other.id).await.expect("is there").0;
    assert_eq!(delivery.waiting_for, Some(WaitingFor::Attempt));
}

pub(crate) async fn a_start_plans_everything_anew_whatever_the_clock_shows(kind: Kind) {
    for days in [-40, -2, 0, 2, 40] {
        let bench = Bench::of(kind).await;
        let id = bench.failing(10).await;
        bench.change(id, |endpoint| endpoint.url = "https://example.org/".into()).await;
        bench.accept(vec![bench.event("a.c")]).await;
        bench.environment.set_wall_ms(days * 24 * HOUR_MS);
        bench.environment.restart();
        let bench = bench.reopen().await;
        let start = bench.mono();
        bench.store.take_over(bench.node, start).await.expect("takes over");
        let due = bench.store.due().await.expect("reads");
        assert!(due.iter().all(|one| one.at <= start), "{days}: one without an attempt is due now: {due:?}");
        let health = bench.endpoint_now(id).await.health;
        assert!(health.probe_at.is_some_and(|at| at <= start.plus_ms(600_000)), "{days}");
        // The others had one attempt each: their next is planned by the endpoint's own plan.
        bench.environment.advance_ms(5_500);
        assert_eq!(bench.claim(id, 99).await.claimed.len(), 11, "{days}");
    }
}

pub(crate) async fn what_a_delivery_waits_for_is_known_from_what_is_stored(bench: Bench) {
    let id = bench.add_endpoint(&["a.*"]).await.id;
    bench.accept(vec![bench.event("a.b")]).await;
    let waiting = async || {
        let page = bench.store.deliveries(None, Default::default(), 1).await.expect("reads");
        let one = page.items.into_iter().next().expect("one");
        assert_eq!(one.state, State::Pending);
        (one.waiting_for.expect("it waits"), one.next_attempt_at)
    };
    assert_eq!(waiting().await, (WaitingFor::Rate, Some(bench.now())));
    bench.change(id, |endpoint| endpoint.rate_per_s = None).await;
    assert_eq!(waiting().await, (WaitingFor::Slot, Some(bench.now())));
    bench.change(id, |endpoint| endpoint.paused = true).await;
    assert_eq!(waiting().await, (WaitingFor::EndpointPaused, None));
    bench.change(id, |endpoint| endpoint.enabled = false).await;
    assert_eq!(waiting().await, (WaitingFor::EndpointDisabled, None));
    bench.change(id, |endpoint| (endpoint.enabled, endpoint.paused) = (true, false)).await;
    let claimed = bench.claim(id, 1).await.claimed.remove(0);
    assert_eq!(waiting().await, (WaitingFor::Attempt, Some(bench.now())));
    bench.fail(&claimed).await;
    // The computer's clock was set: what is planned is shown by it all the same.
    bench.environment.set_wall_ms(-2 * HOUR_MS);
    assert_eq!(waiting().await, (WaitingFor::Attempt, Some(bench.now().plus_ms(HOUR_MS))));
    let failing = bench.failing(10).await;
    let probe_at = bench.endpoint_now(failing).await.health.probe_at.expect("planned");
    assert_eq!(waiting().await, (WaitingFor::EndpointFailing, Some(bench.moment().shown(probe_at))));
    bench.store.retry_endpoint(failing).await.expect("asked for");
    assert_eq!(waiting().await, (WaitingFor::EndpointFailing, Some(bench.now())));
}
