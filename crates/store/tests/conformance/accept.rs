use std::sync::Arc;

use gancho_model::{Endpoint, ObjectKey, SourceId, State, TokenId};
use gancho_store::{
    Accepted, EndpointSnapshot, IdempotencyKey, IdempotencyKind, ProcessedRow, ReferenceUpdate, StoreError,
    StoredResponse, Submission,
};
use serde_json::json;

use crate::{Bench, event, keep, lock};

pub(crate) async fn events_come_with_their_deliveries_and_a_number_without_holes(bench: Bench) {
    let all = bench.add_endpoint(&["*"]).await;
    let some = bench.add_endpoint(&["invoice.*"]).await;
    let kept = bench.accept(vec![bench.event("invoice.paid"), bench.event("customer.created")]).await;
    assert_eq!(kept.iter().map(|(_, number)| *number).collect::<Vec<_>>(), [1, 2]);
    assert_eq!((bench.pending(all.id).await, bench.pending(some.id).await), (2, 1));
    let next = bench.accept(vec![bench.event("customer.created")]).await;
    assert_eq!(next[0].1, 3);
    let bench = bench.reopen().await;
    assert_eq!(bench.accept(vec![bench.event("customer.created")]).await[0].1, 4);
    assert_eq!(bench.pending(all.id).await, 4);
}

pub(crate) async fn many_at_once_have_numbers_of_their_own(bench: Bench) {
    bench.add_endpoint(&["*"]).await;
    let mut tasks = vec![];
    for _ in 0..200 {
        let (store, new, now) = (bench.store.clone(), bench.event("demo.made"), bench.now());
        tasks.push(tokio::spawn(async move {
            keep(&*store, Submission { events: vec![new], now, ..Submission::default() }).await
        }));
    }
    let mut numbers = vec![];
    for task in tasks {
        let Ok(Accepted::Kept(kept)) = task.await.expect("ends") else { panic!("kept") };
        numbers.push(kept[0].1);
    }
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=200).collect::<Vec<_>>());
}

pub(crate) async fn a_place_of_the_engine_is_used_at_once_under_a_lease(bench: Bench) {
    let endpoint = bench.add_endpoint(&["*"]).await;
    *lock(&bench.notifier.places) = 1;
    bench.accept(vec![bench.event("a.b"), bench.event("a.c")]).await;
    let handed = lock(&bench.notifier.handed_over).clone();
    assert_eq!(handed.iter().map(|one| one.event.to_string()).collect::<Vec<_>>(), ["a.b"]);
    let claims = bench.claim(endpoint.id, 10).await;
    assert_eq!(claims.claimed.iter().map(|one| one.event.to_string()).collect::<Vec<_>>(), ["a.c"]);
    let (delivery, _) = bench.store.delivery(handed[0].id).await.expect("is there");
    assert_eq!((delivery.state, delivery.next_attempt_at), (State::Pending, Some(bench.now())));
}

pub(crate) async fn repeats_are_recalled_and_races_lost(bench: Bench) {
    let token = TokenId::new(bench.now(), &*bench.environment);
    let other = TokenId::new(bench.now(), &*bench.environment);
    let key = |kind| IdempotencyKey { kind, key: "k".into() };
    let recalled = StoredResponse { digest: [3; 32], answer: "evt_x".into() };
    let submission = |token| Submission {
        events: vec![bench.event("a.b")],
        repeats: vec![(token, key(IdempotencyKind::Event), recalled.clone())],
        now: bench.now(),
        ..Submission::default()
    };
    assert!(matches!(bench.keep(submission(token)).await, Ok(Accepted::Kept(_))));
    assert_eq!(bench.keep(submission(token)).await, Ok(Accepted::Conflict));
    assert!(matches!(bench.keep(submission(other)).await, Ok(Accepted::Kept(_))));
    let keys = vec![key(IdempotencyKind::Event), key(IdempotencyKind::Change), key(IdempotencyKind::Request)];
    assert_eq!(bench.store.recall(token, keys).await, Ok(vec![Some(recalled), None, None]));
    let feed = bench.store.feed(0, Default::default(), 10).await.expect("reads");
    assert_eq!(feed.items.len(), 2, "what lost the race left nothing");
}

pub(crate) async fn rows_are_remembered_and_forgotten(bench: Bench) {
    let source = SourceId::new(bench.now(), &*bench.environment);
    let row = ObjectKey { model: "User".into(), key: "ana".into() };
    let record = serde_json::json!({"nick": "ana"}).as_object().cloned();
    for (record, left) in [(record.clone(), 1), (record, 1), (None, 0)] {
        let remember = vec![ReferenceUpdate { source, row: row.clone(), record: record.clone() }];
        bench.keep(Submission { remember, now: bench.now(), ..Submission::default() }).await.expect("kept");
        let remembered = bench.store.remembered(source).await.expect("reads");
        assert_eq!(remembered.rows.len(), left);
        assert_eq!(remembered.rows.first().map(|(_, record)| record), record.as_ref());
    }
}

#[tokio::test]
async fn a_full_store_refuses_whole_and_recovers() {
    let bench = Bench::with_pages(50).await;
    let endpoint = bench.add_endpoint(&["*"]).await;
    let (mut kept, mut refused) = (0, 0);
    for _ in 0..200 {
        let batch = (0..5).map(|_| bench.event("demo.made")).collect();
        match bench.keep(Submission { events: batch, now: bench.now(), ..Submission::default() }).await {
            Ok(_) => kept += 5,
            Err(StoreError::Busy(_)) => refused += 1,
            Err(error) => panic!("{error}"),
        }
    }
    assert!(kept > 0 && refused > 0, "{kept} {refused}");
    let feed = bench.store.feed(0, Default::default(), 5000).await.expect("reads");
    assert_eq!(feed.items.len(), kept, "all or nothing");
    assert_eq!(bench.pending(endpoint.id).await, kept as u64);
    // With room again it goes on by itself, and the numbers have no hole.
    let bench = bench.reopen().await;
    let next = bench.accept(vec![event(&*bench.environment, "demo.made", None)]).await;
    assert_eq!(next[0].1, kept as u64 + 1);
}

/// A database of an ERP that is restored holds rows again from which events were made.
pub(crate) async fn rows_of_an_outbox_are_processed_once(bench: Bench) {
    let source = add_source(&bench).await;
    let now = bench.now();
    let row = |id, mark| ProcessedRow { id, mark };
    let keep = async |rows: Vec<ProcessedRow>| {
        let submission = Submission { source: Some(source), processed: rows, now, ..Submission::default() };
        bench.keep(submission).await.expect("it answers")
    };
    assert_eq!(keep(vec![row(7, 1), row(8, 1)]).await, Accepted::Kept(vec![]));
    let seen = bench.store.processed(source, vec![row(7, 1), row(7, 2), row(9, 1)]).await;
    assert_eq!(seen.expect("it answers"), [true, false, false]);
    assert_eq!(keep(vec![row(9, 1), row(8, 1)]).await, Accepted::Conflict, "nothing of it is kept");
    assert_eq!(bench.store.processed(source, vec![row(9, 1)]).await.expect("it answers"), [false]);
    let other = add_source(&bench).await;
    assert_eq!(bench.store.processed(other, vec![row(7, 1)]).await.expect("it answers"), [false]);
    bench.store.remove_source(source).await.expect("removed");
    assert_eq!(bench.store.processed(source, vec![row(7, 1)]).await.expect("it answers"), [false]);
}

pub(crate) async fn add_source(bench: &Bench) -> SourceId {
    let source = bench.source();
    bench.store.add_source(source.clone(), None).await.expect("added");
    source.id
}

/// Who gets an event is planned before the store is asked: endpoints may have changed meanwhile.
pub(crate) async fn a_plan_made_from_older_endpoints_is_refused(bench: Bench) {
    let endpoint = bench.add_endpoint(&["a.*"]).await;
    let plan = async || {
        let snapshot = bench.store.endpoint_snapshot().await.expect("reads");
        let events = vec![bench.event("a.b")];
        Submission { events, now: bench.now(), ..Submission::default() }.planned(
            &snapshot,
            usize::MAX,
            &Default::default(),
        )
    };
    let keep = async |submission: Submission| bench.store.accept(submission.into()).await.expect("it answers");
    let (before, late) = (plan().await, plan().await);
    assert!(matches!(keep(before).await, Accepted::Kept(_)));
    let read_at = endpoint.updated_at;
    bench.store.save_endpoint(Endpoint { enabled: false, ..endpoint.clone() }, read_at).await.expect("saved");
    assert_eq!(keep(late).await, Accepted::Stale, "it was disabled meanwhile");
    assert_eq!(bench.store.feed(0, Default::default(), 10).await.expect("reads").items.len(), 1, "nothing is kept");
    let again = plan().await;
    assert!(again.events[0].deliveries.is_empty());
    assert!(matches!(keep(again).await, Accepted::Kept(_)));
    let (added, removed) = (plan().await, plan().await);
    let other = bench.add_endpoint(&["*"]).await;
    assert_eq!(keep(added).await, Accepted::Stale, "one was added");
    let with_it = plan().await;
    bench.store.remove_endpoint(other.id, bench.now()).await.expect("removed");
    assert_eq!((keep(removed).await, keep(with_it).await), (Accepted::Stale, Accepted::Stale), "and removed");
    let fresh = bench.reopen().await;
    let snapshot = fresh.store.endpoint_snapshot().await.expect("reads");
    assert_eq!(snapshot.endpoints.iter().map(|one| one.id).collect::<Vec<_>>(), [endpoint.id]);
}

pub(crate) async fn what_was_understood_by_old_rows_is_refused(bench: Bench) {
    let (source, _) = bench.asked_source().await;
    let row = ObjectKey { model: "EstadoDocumento".into(), key: "1".into() };
    let remember = |n: i64| ReferenceUpdate { source, row: row.clone(), record: json!({"n": n}).as_object().cloned() };
    let submission = |by: u64, remember| Submission {
        events: vec![bench.event("a.b")],
        source: Some(source),
        understood_by: Some(by),
        remember,
        now: bench.now(),
        ..Submission::default()
    };
    let known = bench.store.remembered(source).await.expect("reads");
    let kept = bench.keep(submission(known.version, vec![remember(1)])).await.expect("answers");
    assert!(matches!(kept, Accepted::Kept(_)));
    let kept = bench.keep(submission(known.version, vec![remember(2)])).await.expect("answers");
    assert_eq!(kept, Accepted::Conflict, "another node learned something meanwhile");
    let now = bench.store.remembered(source).await.expect("reads");
    assert_eq!((now.version, now.rows[0].1["n"].as_i64()), (known.version + 1, Some(1)));
    assert!(matches!(bench.keep(submission(now.version, vec![])).await, Ok(Accepted::Kept(_))));
    assert_eq!(bench.store.remembered(source).await.expect("reads").version, now.version, "nothing was learned");
    assert_eq!(bench.store.feed(0, Default::default(), 9).await.expect("reads").items.len(), 2);
}

pub(crate) async fn what_waits_is_counted_through_starts_and_beside_other_processes(bench: Bench) {
    let endpoint = bench.add_endpoint(&["*"]).await;
    // The start and an acceptance, perhaps in one transaction.
    let (_, started) =
        tokio::join!(bench.accept(vec![bench.event("a.b")]), bench.store.take_over(bench.node, bench.mono()));
    started.expect("takes over");
    assert_eq!(bench.pending(endpoint.id).await, 1);
    bench.accept(vec![bench.event("a.b"), bench.event("a.b")]).await;
    let claimed = bench.claim(endpoint.id, 1).await.claimed;
    let arrived = crate::outcome(&claimed[0], gancho_model::Decision::Delivered, bench.moment());
    bench.store.record(bench.node, vec![arrived].into()).await.expect("recorded");
    assert_eq!(bench.pending(endpoint.id).await, 2);
    let other = bench.another().await;
    let submission = Submission { events: vec![bench.event("a.b")], now: bench.now(), ..Submission::default() };
    assert!(matches!(crate::keep(&*other, submission).await, Ok(Accepted::Kept(_))));
    // What another process did is seen with the next transaction.
    bench.store.due().await.expect("reads");
    bench.accept(vec![bench.event("a.b")]).await;
    assert_eq!(bench.pending(endpoint.id).await, 4);
    assert_eq!(other.backlogs(vec![endpoint.id]).await.expect("reads")[0].pending, 4);
    drop(other);
    let bench = bench.reopen().await;
    assert_eq!(bench.pending(endpoint.id).await, 4);
    bench.store.take_over(bench.node, bench.mono()).await.expect("takes over");
    assert_eq!(bench.pending(endpoint.id).await, 4);
}

/// Another process opens the same data: what this one keeps in memory is not assumed to be all there is.
pub(crate) async fn endpoints_that_another_process_changed_are_read_again(bench: Bench) {
    let old = bench.store.endpoint_snapshot().await.expect("reads");
    let other = bench.another().await;
    let endpoint = crate::endpoint(&*bench.environment, &["*"]);
    other.add_endpoint(endpoint.clone()).await.expect("added");
    let submission = || Submission { events: vec![bench.event("a.b")], now: bench.now(), ..Submission::default() };
    let planned =
        |snapshot: &EndpointSnapshot| Arc::new(submission().planned(snapshot, usize::MAX, &Default::default()));
    assert_eq!(bench.store.accept(planned(&old)).await, Ok(Accepted::Stale));
    let new = bench.store.endpoint_snapshot().await.expect("reads");
    assert_eq!(new.endpoints.len(), 1);
    assert!(matches!(bench.store.accept(planned(&new)).await, Ok(Accepted::Kept(_))));
    assert_eq!(bench.pending(endpoint.id).await, 1);
}
