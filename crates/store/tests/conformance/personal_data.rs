use std::sync::Arc;

use bytes::Bytes;
use gancho_model::{
    Bin, BinId, BinRequest, BinResponse, DataSubject, Decision, ObjectKey, PlannedDelivery, Priority, State,
};
use gancho_store::{Erased, NewEvent};

use crate::{Bench, outcome};

fn ana() -> Arc<DataSubject> {
    Arc::new(DataSubject { code: "7".into(), source: None, values: vec!["B12345678".into()] })
}

/// An event whose body says so.
fn saying(bench: &Bench, object: &str) -> NewEvent {
    let mut new = bench.event("invoice.created");
    let id = new.event.id;
    let body =
        format!(r#"{{"id":"{id}","event":"invoice.created","created":1,"data":{{"object":{object}}},"source":null}}"#);
    new.event.body = Bytes::from(body);
    new.event.label = Some("Ana Peña".into());
    new
}

/// Erases to the end.
async fn erase(bench: &Bench) -> Erased {
    let mut done = Erased::default();
    loop {
        done.add(bench.store.erase(ana(), done.next, bench.moment()).await.expect("erases"));
        if done.next.is_none() {
            bench.store.forget_customer(ana()).await.expect("forgets");
            return done;
        }
    }
}

pub(crate) async fn what_is_about_one_customer_is_found_and_erased(bench: Bench) {
    let endpoint = bench.add_endpoint(&["*"]).await;
    let mut own = saying(&bench, r#"{"nombre":"Ana Peña"}"#);
    own.event.object = Some(ObjectKey { model: "Cliente".into(), key: "7".into() });
    let events = vec![
        saying(&bench, r#"{"codcliente":"7","nombrecliente":"Ana Peña"}"#),
        saying(&bench, r#"{"codcliente":"70","nombrecliente":"Otro"}"#),
        own,
        saying(&bench, r#"{"cifnif":"B12345678","nombre":"Ana Peña"}"#),
    ];
    let bodies: Vec<Bytes> = events.iter().map(|new| new.event.body.clone()).collect();
    let kept = bench.accept(events).await;
    // One that goes apart from the feed, in a body of its own.
    let sample = saying(&bench, r#"{"codcliente":"7","nombrecliente":"Ana Peña"}"#).event;
    let body = Some(Bytes::from_static(b"dear Ana"));
    let planned = PlannedDelivery { endpoint: endpoint.id, max_attempts: 1, skipped: None, body };
    let sent = bench.store.send_apart(vec![(sample, planned)], Priority::Test, None).await.expect("sent");
    let claimed = bench.claim(endpoint.id, 1).await.claimed;
    let mut arrived = outcome(&claimed[0], Decision::Delivered, bench.moment());
    arrived.attempt.response_body = "thanks, Ana Peña".into();
    bench.store.record(bench.node, vec![arrived].into()).await.expect("recorded");
    let texts = (1..=4).map(|n| (n, "ana peña".to_owned()));
    bench.store.index(texts.collect()).await.expect("indexed");

    let found = bench.store.events_about(ana(), None).await.expect("looks");
    assert_eq!((found.items.len(), found.next), (4, None));

    let done = erase(&bench).await;
    assert_eq!((done.events, done.deliveries, done.cancelled), (4, 4, 3));
    for (n, (id, _)) in kept.iter().enumerate() {
        let event = bench.store.event(*id).await.expect("is there");
        let says = String::from_utf8_lossy(&event.body).into_owned();
        match n {
            1 => assert_eq!((event.body, event.label), (bodies[1].clone(), Some("Ana Peña".into()))),
            _ => assert!(says.contains(r#""data":{"erased_at":1800000000}"#) && event.label.is_none(), "{says}"),
        }
    }
    let (delivery, attempts) = bench.store.delivery(claimed[0].id).await.expect("is there");
    assert_eq!((delivery.state, attempts[0].response_body.as_str()), (State::Delivered, ""));
    assert!(attempts[0].response_truncated);
    let body = bench.store.delivery_body(sent[0]).await.expect("is there");
    assert!(String::from_utf8_lossy(&body).contains("erased_at"));
    assert_eq!(bench.pending(endpoint.id).await, 1, "the other customer's");
    // Where the index was made anew.
    let unindexed = bench.store.unindexed(100).await.expect("reads");
    let texts = unindexed.into_iter().map(|event| (event.sequence, event.label.unwrap_or_default()));
    bench.store.index(texts.collect()).await.expect("indexed");
    let hits = bench.store.search(vec!["ana".into()], 10).await.expect("searches");
    assert_eq!(hits.events.iter().map(|event| event.id).collect::<Vec<_>>(), [kept[1].0]);
    assert_eq!(erase(&bench).await, Erased::default(), "nothing is left");
}

pub(crate) async fn of_very_many_events_a_few_are_erased_at_a_time(bench: Bench) {
    const EVENTS: u64 = 130;
    for _ in 0..3 {
        bench.add_endpoint(&["*"]).await;
    }
    let object = r#"{"codcliente":"7","nombrecliente":"Ana Peña"}"#;
    bench.accept((0..EVENTS).map(|_| saying(&bench, object)).collect()).await;
    let first = bench.store.erase(ana(), None, bench.moment()).await.expect("erases");
    assert!(first.events < 30 && first.next.is_some(), "{first:?}");
    let (mut found, mut after) = (0, None);
    loop {
        let page = bench.store.events_about(ana(), after).await.expect("looks");
        found += page.items.len() as u64;
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(found + first.events, EVENTS);
    let rest = erase(&bench).await;
    assert_eq!((rest.events, rest.deliveries), (found, 3 * found));
}

pub(crate) async fn what_bins_received_of_one_customer_goes(bench: Bench) {
    let kept = bench.accept(vec![saying(&bench, r#"{"codcliente":"7"}"#)]).await;
    let now = bench.now();
    let bin = Bin {
        id: BinId::new(now, &*bench.environment),
        respond: BinResponse::default(),
        received: 0,
        created_at: now,
        expires_at: now.plus_ms(60_000),
    };
    let id = bin.id;
    bench.store.add_bin(bin, now).await.expect("added");
    let request = |headers: Vec<(String, String)>, body: &str| BinRequest {
        n: 0,
        at: now,
        method: "POST".into(),
        rest: String::new(),
        headers,
        body: body.as_bytes().to_vec(),
        truncated: false,
    };
    for request in [
        request(vec![("webhook-id".into(), kept[0].0.to_string())], "dear Ana"),
        request(vec![], r#"{"codcliente":"7"}"#),
        request(vec![], r#"{"codcliente":"8"}"#),
    ] {
        bench.store.keep_request(id, request).await.expect("kept");
    }
    erase(&bench).await;
    let left = bench.store.bin_requests(id, 0, 10, now).await.expect("reads");
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].body, br#"{"codcliente":"8"}"#);
}

/// SQLite marks what is removed as free, and keeps it until it is written over.
#[tokio::test]
async fn nothing_of_it_remains_in_the_files() {
    let bench = Bench::of(crate::Kind::Sqlite).await;
    let object =
        format!(r#"{{"codcliente":"7","nombrecliente":"Ana Secreta","x":"{}"}}"#, "Ana Secreta ".repeat(2_000));
    bench.accept(vec![saying(&bench, &object), saying(&bench, &object)]).await;
    bench.store.index(vec![(1, "ana secreta".into())]).await.expect("indexed");
    erase(&bench).await;
    assert!(!bench.dir().join("gancho.db.search").exists());
    for name in ["gancho.db", "gancho.db-wal", "gancho.db.search", "gancho.db.search-wal"] {
        // The index is removed.
        let bytes = std::fs::read(bench.dir().join(name)).unwrap_or_default();
        assert!(!bytes.windows(11).any(|part| part == b"Ana Secreta"), "{name}");
    }
}
