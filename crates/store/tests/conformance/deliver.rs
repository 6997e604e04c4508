use std::collections::HashSet;

use gancho_model::{Decision, HealthTransition, Priority, Reason, State};
use gancho_store::StoreError;

use crate::{Bench, Kind, LEASE_MS, lock, outcome};

pub(crate) async fn what_is_leased_is_nobody_else_s_until_the_lease_ends(bench: Bench) {
    let endpoint = bench.add_endpoint(&["*"]).await;
    bench.accept((0..3).map(|_| bench.event("a.b")).collect()).await;
    let first = bench.claim(endpoint.id, 2).await;
    assert_eq!((first.claimed.len(), first.due.len()), (2, 1));
    assert_eq!(bench.claim(endpoint.id, 9).await.claimed.len(), 1);
    let none = bench.claim(endpoint.id, 9).await;
    assert!(none.claimed.is_empty());
    assert_eq!(none.due[0].at, bench.mono().plus_ms(LEASE_MS), "then the first lease ends");
    assert!(
        bench.claim_lane(endpoint.id, Priority::Live, 9, true).await.claimed.is_empty(),
        "a probe takes no lease away"
    );
    bench.environment.advance_ms(LEASE_MS);
    assert_eq!(bench.claim(endpoint.id, 9).await.claimed.len(), 3);
}

pub(crate) async fn a_race_of_claims_gives_each_delivery_once(bench: Bench) {
    let endpoint = bench.add_endpoint(&["*"]).await;
    bench.accept((0..400).map(|_| bench.event("a.b")).collect()).await;
    let claim = || bench.claim(endpoint.id, 7);
    let mut seen = HashSet::new();
    loop {
        let (a, b, c, d) = tokio::join!(claim(), claim(), claim(), claim());
        let all: Vec<_> = [a, b, c, d].into_iter().flat_map(|claims| claims.claimed).collect();
        if all.is_empty() {
            break;
        }
        for one in all {
            assert!(seen.insert(one.id), "{} twice", one.id);
        }
    }
    assert_eq!(seen.len(), 400);
}

pub(crate) async fn a_start_frees_every_lease(bench: Bench) {
    let endpoint = bench.add_endpoint(&["*"]).await;
    bench.accept((0..3).map(|_| bench.event("a.b")).collect()).await;
    bench.claim(endpoint.id, 2).await;
    let bench = bench.reopen().await;
    assert_eq!(bench.store.take_over(bench.node, bench.mono()).await, Ok(2));
    assert_eq!(bench.claim(endpoint.id, 9).await.claimed.len(), 3);
}

pub(crate) async fn every_attempt_is_one_record(bench: Bench) {
    let endpoint = bench.add_endpoint(&["*"]).await;
    bench.accept(vec![bench.event("a.b")]).await;
    let claimed = bench.claim(endpoint.id, 1).await.claimed.remove(0);
    let at = bench.mono().plus_ms(5_000);
    let failed = outcome(&claimed, Decision::Retry { at }, bench.moment());
    bench.store.record(bench.node, vec![failed].into()).await.expect("recorded");
    assert!(lock(&bench.notifier.due).contains(&(endpoint.id, Priority::Live, at)));
    let (delivery, attempts) = bench.store.delivery(claimed.id).await.expect("is there");
    let shown = Some(bench.moment().shown(at));
    assert_eq!((delivery.state, delivery.attempts, delivery.next_attempt_at), (State::Pending, 1, shown));
    assert_eq!(attempts[0].response_body, "\u{FFFD}ok\u{0}");
    assert_eq!(delivery.last.and_then(|last| last.error).map(|kind| kind.as_str()), Some("status"));

    assert!(bench.claim(endpoint.id, 1).await.claimed.is_empty(), "never earlier");
    bench.environment.advance_ms(5_000);
    let again = bench.claim(endpoint.id, 1).await.claimed.remove(0);
    assert_eq!((again.attempts, again.max_attempts), (1, 6));
    bench
        .store
        .record(bench.node, vec![outcome(&again, Decision::Delivered, bench.moment())].into())
        .await
        .expect("recorded");
    let (delivery, attempts) = bench.store.delivery(claimed.id).await.expect("is there");
    assert_eq!((delivery.state, attempts.len(), bench.pending(endpoint.id).await), (State::Delivered, 2, 0));
    // A second attempt of the same number, as after a lease that two nodes ran over, takes the next one.
    bench.environment.advance_ms(1);
    bench
        .store
        .record(bench.node, vec![outcome(&again, Decision::Delivered, bench.moment())].into())
        .await
        .expect("recorded");
    assert_eq!(bench.store.delivery(claimed.id).await.expect("is there").1.len(), 3);
    assert_eq!(bench.pending(endpoint.id).await, 0, "counted once");
}

pub(crate) async fn health_follows_live_attempts_of_the_same_url(bench: Bench) {
    let endpoint = bench.add_endpoint(&["*"]).await;
    bench.accept((0..12).map(|_| bench.event("a.b")).collect()).await;
    let claimed = bench.claim(endpoint.id, 12).await.claimed;
    let at = bench.mono().plus_ms(1);
    let fail = |n: usize| outcome(&claimed[n], Decision::Retry { at }, bench.moment());
    let mut elsewhere = fail(0);
    elsewhere.url = "https://old.example/".into();
    elsewhere.gone = true;
    let mut replayed = fail(1);
    replayed.lane = Priority::Replay;
    assert_eq!(bench.store.record(bench.node, vec![elsewhere, replayed].into()).await, Ok(vec![]));
    assert_eq!(bench.store.endpoint(endpoint.id).await.expect("is there").health.consecutive_failures, 0);
    let changes = bench.store.record(bench.node, (2..12).map(fail).collect()).await.expect("recorded");
    assert_eq!(changes.iter().map(|change| change.transition).collect::<Vec<_>>(), [HealthTransition::Failing]);
    let health = bench.store.endpoint(endpoint.id).await.expect("is there").health;
    assert!(health.is_failing() && health.probe_at.is_some());
    bench.environment.advance_ms(10);
    let probe = bench.claim_lane(endpoint.id, Priority::Live, 1, true).await.claimed.remove(0);
    let changes = bench
        .store
        .record(bench.node, vec![outcome(&probe, Decision::Delivered, bench.moment())].into())
        .await
        .expect("recorded");
    assert_eq!(changes[0].transition, HealthTransition::Recovered);

    let mut gone = outcome(&probe, Decision::Retry { at }, bench.moment());
    gone.gone = true;
    assert_eq!(
        bench.store.record(bench.node, vec![gone].into()).await.expect("recorded")[0].transition,
        HealthTransition::Disabled
    );
    let disabled = bench.store.endpoint(endpoint.id).await.expect("is there");
    assert_eq!((disabled.enabled, disabled.disabled_reason.as_deref()), (false, Some("gone")));
}

pub(crate) async fn a_person_sends_again_and_cancels(bench: Bench) {
    let endpoint = bench.add_endpoint(&["*"]).await;
    bench.accept(vec![bench.event("a.b"), bench.event("a.c")]).await;
    let claimed = bench.claim(endpoint.id, 2).await.claimed;
    // Cancelled while its attempt is under way: it stays so, unless the attempt arrives.
    for one in &claimed {
        assert_eq!(bench.store.cancel(one.id).await.expect("cancelled").reason, Some(Reason::Cancelled));
    }
    assert_eq!(lock(&bench.notifier.forgotten).len(), 2);
    let (at, now) = (bench.mono(), bench.moment());
    let late = vec![outcome(&claimed[0], Decision::Retry { at }, now), outcome(&claimed[1], Decision::Delivered, now)];
    bench.store.record(bench.node, late.into()).await.expect("recorded");
    let states = [bench.store.delivery(claimed[0].id).await, bench.store.delivery(claimed[1].id).await];
    let states = states.map(|found| found.expect("is there").0.state);
    assert_eq!(states, [State::Cancelled, State::Delivered]);
    assert!(matches!(bench.store.cancel(claimed[0].id).await, Err(StoreError::Conflict(_))));

    let again = bench.store.retry(claimed[0].id, at).await.expect("goes again");
    assert_eq!((again.state, again.attempts, again.max_attempts, again.reason), (State::Pending, 1, 7, None));
    assert_eq!(bench.pending(endpoint.id).await, 1);
    let mut taken = bench.claim(endpoint.id, 9).await.claimed;
    // Sent again during its last attempt: it goes on with a fresh plan.
    let last = taken.remove(0);
    bench.store.retry(last.id, at).await.expect("goes again");
    bench.store.record(bench.node, vec![outcome(&last, Decision::Failed, now)].into()).await.expect("recorded");
    let (delivery, _) = bench.store.delivery(last.id).await.expect("is there");
    assert_eq!((delivery.state, delivery.next_attempt_at), (State::Pending, Some(now.wall)));
}

/// Ten deliveries fail for good, an eleventh is the probe that gets through.
async fn an_outage_that_ends(bench: &Bench) -> gancho_model::EndpointId {
    let endpoint = bench.add_endpoint(&["*"]).await;
    let before = bench.accept(vec![bench.event("a.b")]).await;
    let one = bench.claim(endpoint.id, 1).await.claimed.remove(0);
    // Failed before the outage, with a success in between: not part of it. That it had attempts left
    // (its plan was shortened meanwhile) does not bring it back.
    bench
        .store
        .record(bench.node, vec![outcome(&one, Decision::Failed, bench.moment())].into())
        .await
        .expect("recorded");
    bench.environment.advance_ms(60_000);
    bench.accept((0..12).map(|_| bench.event("a.b")).collect()).await;
    let mut claimed = bench.claim(endpoint.id, 12).await.claimed;
    let good = claimed.remove(0);
    bench
        .store
        .record(bench.node, vec![outcome(&good, Decision::Delivered, bench.moment())].into())
        .await
        .expect("recorded");
    let probe = claimed.remove(0);
    let failed = claimed.iter().map(|one| outcome(one, Decision::Failed, bench.moment())).collect();
    let changes = bench.store.record(bench.node, failed).await.expect("recorded");
    assert_eq!(changes.iter().map(|change| change.transition).collect::<Vec<_>>(), [HealthTransition::Failing]);
    // One Gancho event is kept for each turn, which this endpoint's `*` does not match.
    let changes = bench
        .store
        .record(bench.node, vec![outcome(&probe, Decision::Delivered, bench.moment())].into())
        .await
        .expect("recorded");
    assert_eq!(changes.iter().map(|change| change.transition).collect::<Vec<_>>(), [HealthTransition::Recovered]);
    let old = &bench.store.deliveries_of(before[0].0).await.expect("reads")[0];
    assert_eq!(old.state, State::Failed, "what failed before the outage stays");
    endpoint.id
}

pub(crate) async fn what_failed_during_an_outage_is_sent_again_by_itself(bench: Bench) {
    let endpoint = an_outage_that_ends(&bench).await;
    assert_eq!(bench.pending(endpoint).await, 10);
    assert!(bench.claim(endpoint, 99).await.claimed.is_empty(), "beside the live ones");
    let again = bench.claim_lane(endpoint, Priority::Replay, 99, false).await.claimed;
    assert_eq!(again.len(), 10);
    assert!(again.iter().all(|one| one.attempts == 1 && one.max_attempts == 7), "with a fresh plan");
}

pub(crate) async fn nothing_is_sent_again_by_itself_if_the_setting_says_so(kind: Kind) {
    let bench = Bench::without_resending(kind).await;
    let endpoint = an_outage_that_ends(&bench).await;
    assert_eq!(bench.pending(endpoint).await, 0);
}
