use gancho_model::{
    Decision, Reason, State, TokenId,
    limits::{PROCESSED_MS, REPEAT_MS},
};
use gancho_store::{IdempotencyKey, IdempotencyKind, ProcessedRow, StoredResponse, Submission};

use crate::{Bench, outcome};

const DAY_MS: i64 = 24 * 3600 * 1000;
/// How many days later what ended may still be there: a store may remove it together with other days.
const LATER: i64 = 3;

/// Prunes on the following days, too; returns how many events went in all.
async fn removed_within_days(bench: &Bench) -> u64 {
    let mut events = 0;
    for _ in 0..=LATER {
        let retention = bench.now().plus_ms(-30 * DAY_MS);
        events += bench.store.prune(retention, bench.moment()).await.expect("prunes").events;
        bench.environment.advance_ms(DAY_MS);
    }
    events
}

pub(crate) async fn what_waits_too_long_expires_and_what_ended_goes(bench: Bench) {
    let endpoint = bench.add_endpoint(&["*"]).await;
    let old = bench.accept((0..3).map(|_| bench.event("a.b")).collect()).await;
    let claimed = bench.claim(endpoint.id, 2).await.claimed;
    bench
        .store
        .record(bench.node, vec![outcome(&claimed[0], Decision::Delivered, bench.moment())].into())
        .await
        .expect("recorded");
    // claimed[1] stays leased by a process that died.
    bench.environment.advance_ms(30 * DAY_MS + 1);
    let new = bench.accept(vec![bench.event("a.b")]).await;
    let retention = || bench.now().plus_ms(-30 * DAY_MS);
    let pruned = bench.store.prune(retention(), bench.moment()).await.expect("prunes");
    assert_eq!((pruned.expired, pruned.events), (2, 0));
    assert_eq!(bench.pending(endpoint.id).await, 1);
    let expired = &bench.store.deliveries_of(old[2].0).await.expect("reads")[0];
    assert_eq!((expired.state, expired.reason), (State::Failed, Some(Reason::Expired)));

    bench.environment.advance_ms(DAY_MS);
    assert_eq!(removed_within_days(&bench).await, 3);
    assert!(bench.store.prune(retention(), bench.moment()).await.expect("prunes").is_nothing());
    assert!(bench.store.event(old[0].0).await.is_err() && bench.store.delivery(claimed[0].id).await.is_err());
    assert!(bench.store.event(new[0].0).await.is_ok());
    // The feed goes on counting although its beginning is gone.
    assert_eq!(bench.accept(vec![bench.event("a.b")]).await[0].1, 5);
}

pub(crate) async fn what_expires_is_there_to_be_seen_however_old_it_is(bench: Bench) {
    bench.add_endpoint(&["*"]).await;
    let old = bench.accept(vec![bench.event("a.b")]).await;
    // A clock that was wrong for weeks, or a server that was off.
    bench.environment.advance_ms(60 * DAY_MS);
    let retention = || bench.now().plus_ms(-30 * DAY_MS);
    for _ in 0..3 {
        bench.store.prune(retention(), bench.moment()).await.expect("prunes");
        let delivery = &bench.store.deliveries_of(old[0].0).await.expect("reads")[0];
        assert_eq!((delivery.state, delivery.reason), (State::Failed, Some(Reason::Expired)));
    }
    bench.environment.advance_ms(DAY_MS);
    assert_eq!(removed_within_days(&bench).await, 1);
}

pub(crate) async fn one_that_was_sent_again_stays_until_it_ended(bench: Bench) {
    let endpoint = bench.add_endpoint(&["*"]).await;
    bench.accept(vec![bench.event("a.b")]).await;
    let claimed = bench.claim(endpoint.id, 1).await.claimed.remove(0);
    bench
        .store
        .record(bench.node, vec![outcome(&claimed, Decision::Failed, bench.moment())].into())
        .await
        .expect("recorded");
    bench.environment.advance_ms(40 * DAY_MS);
    bench.store.retry(claimed.id, bench.mono()).await.expect("goes again");
    let again = bench.claim(endpoint.id, 1).await.claimed.remove(0);
    let retention = bench.now().plus_ms(-30 * DAY_MS);
    assert_eq!(bench.store.prune(retention, bench.moment()).await.expect("prunes").events, 0, "it is under way");
    bench
        .store
        .record(bench.node, vec![outcome(&again, Decision::Delivered, bench.moment())].into())
        .await
        .expect("recorded");
    assert_eq!(removed_within_days(&bench).await, 1);
}

pub(crate) async fn an_outcome_that_comes_when_its_delivery_is_gone_is_let_go(bench: Bench) {
    let endpoint = bench.add_endpoint(&["*"]).await;
    bench.accept(vec![bench.event("a.b")]).await;
    let claimed = bench.claim(endpoint.id, 1).await.claimed.remove(0);
    let late = outcome(&claimed, Decision::Delivered, bench.moment());
    bench.store.cancel(claimed.id).await.expect("cancelled");
    bench.environment.advance_ms(40 * DAY_MS);
    assert_eq!(removed_within_days(&bench).await, 1);
    let other = bench.accept(vec![bench.event("a.b")]).await;
    let claimed = bench.claim(endpoint.id, 1).await.claimed.remove(0);
    let both = vec![late, outcome(&claimed, Decision::Delivered, bench.moment())];
    bench.store.record(bench.node, both.into()).await.expect("the other one is recorded");
    assert_eq!(bench.store.deliveries_of(other[0].0).await.expect("reads")[0].state, State::Delivered);
}

pub(crate) async fn numbers_are_never_given_twice_though_all_events_are_gone(bench: Bench) {
    bench.accept((0..3).map(|_| bench.event("a.b")).collect()).await;
    bench.environment.advance_ms(31 * DAY_MS);
    assert_eq!(removed_within_days(&bench).await, 3);
    let bench = bench.reopen().await;
    assert_eq!(bench.accept(vec![bench.event("a.b")]).await[0].1, 4);
    let bench = bench.reopen().await;
    assert_eq!(bench.accept(vec![bench.event("a.b")]).await[0].1, 5);
}

pub(crate) async fn repeats_are_forgotten_after_thirty_days(bench: Bench) {
    let token = TokenId::new(bench.now(), &*bench.environment);
    let key = IdempotencyKey { kind: IdempotencyKind::Event, key: "k".into() };
    let recalled = StoredResponse { digest: [0; 32], answer: String::new() };
    let repeats = vec![(token, key.clone(), recalled.clone())];
    bench.keep(Submission { repeats, now: bench.now(), ..Submission::default() }).await.expect("kept");
    for (wait_ms, known) in [(REPEAT_MS, Some(recalled)), (1, None)] {
        let now = bench.environment.advance_ms(wait_ms);
        bench.store.prune(now.plus_ms(-30 * DAY_MS), bench.moment()).await.expect("prunes");
        assert_eq!(bench.store.recall(token, vec![key.clone()]).await, Ok(vec![known]));
    }
}

pub(crate) async fn rows_of_an_outbox_are_forgotten_after_sixty_days(bench: Bench) {
    let source = bench.source();
    bench.store.add_source(source.clone(), None).await.expect("added");
    let processed = vec![ProcessedRow { id: 1, mark: 1 }];
    let submission = Submission { source: Some(source.id), processed, now: bench.now(), ..Submission::default() };
    bench.keep(submission).await.expect("kept");
    for (wait_ms, forgotten) in [(PROCESSED_MS, 0), (1, 1)] {
        let now = bench.environment.advance_ms(wait_ms);
        let pruned = bench.store.prune(now.plus_ms(-30 * DAY_MS), bench.moment()).await.expect("prunes");
        assert_eq!(pruned.processed, forgotten);
    }
}
