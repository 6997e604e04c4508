use gancho_model::{AuditEntry, Decision, Priority, ReplayScope, State};
use gancho_store::{Bulk, BulkAct, DeliveryFilter, EventFilter, NewEvent, Replay};
use serde_json::json;

use crate::{Bench, Kind, outcome};

pub(crate) async fn entries_newest_first_by_object_and_page_by_page(bench: Bench) {
    for n in 0..5 {
        let object = ["ep_a", "ep_b"][n % 2].to_owned();
        let details = json!({"n": n}).as_object().cloned().expect("an object");
        let (who, action, name) = ("ana".to_owned(), "endpoint.changed".to_owned(), "Tienda".to_owned());
        let deed = AuditEntry { at: bench.now(), who, action, object, name, details };
        bench.store.note(deed).await.expect("kept");
    }
    let page = bench.store.audit_entries(None, None, 3).await.expect("reads");
    assert_eq!(page.items.iter().map(|deed| deed.details["n"].clone()).collect::<Vec<_>>(), [4, 3, 2]);
    let rest = bench.store.audit_entries(None, page.next, 3).await.expect("reads");
    assert_eq!((rest.items.len(), rest.next), (2, None));
    let own = bench.store.audit_entries(Some("ep_b".into()), None, 9).await.expect("reads").items;
    assert_eq!(own.iter().map(|deed| deed.details["n"].clone()).collect::<Vec<_>>(), [3, 1]);
}

pub(crate) async fn of_two_who_tell_people_one_does(bench: Bench) {
    let (store, now) = (&bench.store, bench.now());
    assert_eq!(store.alert_state("ep_a").await.expect("reads"), None);
    assert!(store.set_alert_state("ep_a", None, Some("first".into()), now).await.expect("reported"));
    assert!(!store.set_alert_state("ep_a", None, Some("first".into()), now).await.expect("the other was first"));
    assert_eq!(store.alert_state("ep_a").await.expect("reads").as_deref(), Some("first"));
    assert!(store.set_alert_state("ep_a", Some("first".into()), None, now).await.expect("forgotten"));
    assert_eq!(store.alert_state("ep_a").await.expect("reads"), None);
}

pub(crate) async fn attempts_are_counted_by_endpoint_and_hour_tests_aside(bench: Bench) {
    let (one, other) = (bench.add_endpoint(&["*"]).await, bench.add_endpoint(&["*"]).await);
    bench.accept((0..3).map(|_| bench.event("a.b")).collect()).await;
    let retry = Decision::Retry { at: bench.mono().plus_ms(1) };
    for (endpoint, verdicts) in
        [(&one, [Decision::Delivered, retry, Decision::Failed]), (&other, [Decision::Delivered; 3])]
    {
        for verdict in verdicts {
            let claimed = bench.claim(endpoint.id, 1).await.claimed.remove(0);
            bench
                .store
                .record(bench.node, vec![outcome(&claimed, verdict, bench.moment())].into())
                .await
                .expect("recorded");
        }
    }
    bench.send_sample(one.id, bench.event("a.b").event).await.expect("sent");
    let test = bench.claim_lane(one.id, Priority::Test, 1, false).await.claimed.remove(0);
    bench
        .store
        .record(bench.node, vec![outcome(&test, Decision::Delivered, bench.moment())].into())
        .await
        .expect("recorded");
    let hours = bench.store.hours(bench.now()).await.expect("reads");
    let of = |id| hours.iter().find(|hour| hour.endpoint == id).expect("an hour").counters;
    let counters = of(one.id);
    assert_eq!((counters.delivered, counters.retried, counters.failed, of(other.id).delivered), (1, 1, 1, 3));
    assert_eq!(of(other.id).p95_ms(), Some(5));
    let failed = bench.store.failed_since(bench.now()).await.expect("reads");
    assert_eq!((failed.get(&one.id), failed.get(&other.id)), (Some(&1), None));
    assert!(bench.store.failed_since(bench.now().plus_ms(1_000)).await.expect("reads").is_empty());
    assert_eq!(bench.store.hours(bench.now().plus_ms(3_600_000)).await.expect("reads"), []);
}

pub(crate) async fn what_failed_is_counted_while_it_is_failed(bench: Bench) {
    let endpoint = bench.add_endpoint(&["*"]).await;
    bench.accept((0..4_000).map(|_| bench.event("a.b")).collect()).await;
    let (since, failed) = (bench.now(), async |since| bench.store.failed_since(since).await.expect("reads"));
    let claimed = bench.claim(endpoint.id, 3_990).await.claimed;
    let outcomes = claimed.iter().map(|claimed| outcome(claimed, Decision::Failed, bench.moment()));
    bench.store.record(bench.node, outcomes.collect()).await.expect("recorded");
    assert_eq!(
        failed(since).await.get(&endpoint.id),
        Some(&3_990),
        "all of one moment, in whatever order their ids are"
    );
    let bulk =
        Bulk { act: BulkAct::Resend, filter: DeliveryFilter::default(), dry_run: false, now: bench.mono(), job: None };
    let mut next = bench.store.act_on(bulk.clone(), None).await.expect("sent").next;
    while next.is_some() {
        next = bench.store.act_on(bulk.clone(), next).await.expect("sent").next;
    }
    assert!(failed(since).await.is_empty(), "what goes again is not failed");
}

pub(crate) async fn documents_are_found_by_the_beginning_of_their_number(bench: Bench) {
    let endpoint = bench.add_endpoint(&["*"]).await;
    let labelled = |label: &str| {
        let mut new: NewEvent = bench.event("invoice.created");
        new.event.label = Some(label.into());
        new
    };
    bench.accept(vec![labelled("F2026A1"), labelled("F2026A12"), labelled("f2026b1"), bench.event("a.b")]).await;
    let found = async |start: &str| -> Vec<String> {
        let filter = EventFilter { label: Some(start.into()), ..EventFilter::default() };
        let page = bench.store.recent(None, filter, 10).await.expect("reads");
        page.items.into_iter().filter_map(|event| event.label).collect()
    };
    assert_eq!(found("F2026A1").await, ["F2026A12", "F2026A1"]);
    assert_eq!(found("f2026").await, ["f2026b1", "F2026A12", "F2026A1"], "in any case of letters");
    assert_eq!(found("2026").await, Vec::<String>::new());
    assert_eq!(found("%").await, Vec::<String>::new());
    let filter =
        DeliveryFilter { label: Some("f2026a".into()), endpoint: Some(endpoint.id), ..DeliveryFilter::default() };
    assert_eq!(bench.store.deliveries(None, filter, 10).await.expect("reads").items.len(), 2);
    let all = bench.store.recent(None, EventFilter::default(), 2).await.expect("reads");
    assert_eq!((all.items[0].sequence, all.next), (4, Some(3)));
    let rest = bench.store.recent(all.next, EventFilter::default(), 2).await.expect("reads");
    assert_eq!((rest.items[0].sequence, rest.next), (2, None));
}

pub(crate) async fn what_matches_is_counted_and_sent_again_once(kind: Kind) {
    let bench = Bench::without_resending(kind).await;
    let (one, other) = (bench.add_endpoint(&["*"]).await, bench.add_endpoint(&["*"]).await);
    bench.accept((0..1200).map(|_| bench.event("a.b")).collect()).await;
    for endpoint in [&one, &other] {
        let claimed = bench.claim(endpoint.id, 1200).await.claimed;
        let verdict = |n: usize| if n < 1100 { Decision::Failed } else { Decision::Delivered };
        let outcomes = claimed.iter().enumerate().map(|(n, claimed)| outcome(claimed, verdict(n), bench.moment()));
        bench.store.record(bench.node, outcomes.collect()).await.expect("recorded");
    }
    let filter = DeliveryFilter { endpoint: Some(one.id), ..DeliveryFilter::default() };
    let run = async |dry_run: bool| {
        let (mut count, mut before) = (0, None);
        loop {
            let resend = Bulk { act: BulkAct::Resend, filter: filter.clone(), dry_run, now: bench.mono(), job: None };
            let resent = bench.store.act_on(resend, before).await.expect("resends");
            count += resent.count;
            before = resent.next;
            if before.is_none() {
                return count;
            }
        }
    };
    assert_eq!((run(true).await, bench.pending(one.id).await), (1100, 0), "only counted");
    assert_eq!((run(false).await, bench.pending(one.id).await), (1100, 1100));
    assert_eq!(run(false).await, 0, "what waits is left alone");
    assert_eq!(bench.pending(other.id).await, 0);
    let arrived = DeliveryFilter { state: Some(State::Delivered), ..DeliveryFilter::default() };
    let resend = Bulk { act: BulkAct::Resend, filter: arrived, dry_run: true, now: bench.mono(), job: None };
    assert_eq!(bench.store.act_on(resend, None).await.expect("counts").count, 0, "and what arrived");
    let left = DeliveryFilter { class: Some(5), ..DeliveryFilter::default() };
    assert_eq!(bench.store.deliveries(None, left, 1).await.expect("reads").items.len(), 1);
}

pub(crate) async fn nobody_but_a_listener_sends_what_it_forwarded(bench: Bench) {
    let endpoint = bench.add_endpoint(&["*"]).await;
    bench.accept((0..3).map(|_| bench.event("a.b")).collect()).await;
    for claimed in bench.claim(endpoint.id, 3).await.claimed {
        let outcome = outcome(&claimed, Decision::Failed, bench.moment());
        bench.store.record(bench.node, vec![outcome].into()).await.expect("recorded");
    }
    let read_at = endpoint.updated_at;
    bench.store.save_endpoint(endpoint.clone().into_listener(), read_at).await.expect("a listener now");
    for dry_run in [true, false] {
        let filter = DeliveryFilter { endpoint: Some(endpoint.id), ..DeliveryFilter::default() };
        let bulk = Bulk { act: BulkAct::Resend, filter, dry_run, now: bench.mono(), job: None };
        assert_eq!(bench.store.act_on(bulk, None).await.expect("acts").count, 0);
    }
    assert_eq!(bench.pending(endpoint.id).await, 0);
}

pub(crate) async fn of_very_many_events_of_one_moment_all_are_sent_again(bench: Bench) {
    let since = bench.now();
    bench.accept((0..3_000).map(|_| bench.event("a.b")).collect()).await;
    bench.environment.advance_ms(1_000);
    let later = bench.now();
    bench.accept((0..3_000).map(|_| bench.event("a.b")).collect()).await;
    let endpoint = bench.add_endpoint(&["*"]).await;
    let replayed = async |since| {
        let replay = Replay {
            endpoint: endpoint.id,
            since,
            until: None,
            types: vec![],
            object: None,
            only: ReplayScope::Missed,
            dry_run: true,
            bytes_max: 1 << 20,
            job: None,
        };
        let (mut count, mut after) = (0, None);
        loop {
            let batch = bench.store.replay(replay.clone(), after, bench.moment()).await.expect("replays");
            (count, after) = (count + batch.count, batch.next);
            if after.is_none() {
                return count;
            }
        }
    };
    assert_eq!(replayed(since).await, 6_000, "in whatever order their ids are");
    assert_eq!(replayed(later).await, 3_000);
    assert_eq!(replayed(later.plus_ms(1)).await, 0);
}
