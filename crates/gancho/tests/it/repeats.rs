//! A repeat is recognised: later, at the same time, and after a restart.

use reqwest::Method;
use serde_json::{Value, json};

use crate::server;

fn event(id: &str, n: i32) -> Value {
    json!({"event": "demo.made", "id": id, "data": {"object": {"n": n}}})
}

async fn feed_length(server: &gancho_testkit::Server) -> usize {
    server.get("/events?limit=500").await["data"].as_array().expect("a list").len()
}

#[tokio::test]
async fn events_by_their_id() {
    let mut server = server().await;
    let first = server.post("/events", event("a", 1), 202).await;
    assert_eq!(server.post("/events", event("a", 1), 202).await, first);
    server.post("/events", event("a", 2), 409).await;
    let batch = json!([event("b", 1), event("a", 1), event("b", 1)]);
    let ids = server.post("/events", batch.clone(), 202).await["ids"].clone();
    assert_eq!((&ids[1], &ids[2]), (&first["id"], &ids[0]));
    server.post("/events", json!([event("c", 1), event("c", 2)]), 409).await;
    server.post("/events", json!([event("d", 1), event("a", 9)]), 409).await;
    assert_eq!(feed_length(&server).await, 2, "a refused batch leaves nothing");

    server.kill().await;
    server.run().await;
    assert_eq!(server.post("/events", event("a", 1), 202).await, first);
    assert_eq!(server.post("/events", batch, 202).await["ids"], ids);
    assert_eq!(feed_length(&server).await, 2);
}

#[tokio::test]
async fn requests_by_their_key_within_one_token() {
    let server = server().await;
    let other = server.post("/tokens", json!({"name": "other", "scope": "ingest"}), 201).await;
    let send = async |token: &str, n: i32| {
        let body = json!({"event": "demo.made", "data": {"object": {"n": n}}});
        let request = server.request(Method::POST, "/api/v1/events").bearer_auth(token);
        server.answer(request.header("Idempotency-Key", "k-1").json(&body)).await.expect("answers")
    };
    let token = other["token"].as_str().expect("a token");
    let first = send(token, 1).await.expect(202);
    assert_eq!(send(token, 1).await.expect(202), first);
    send(token, 2).await.expect(409);
    assert_ne!(send("test-admin-token", 1).await.expect(202), first, "another token, another name");
    assert_eq!(feed_length(&server).await, 2);
}

#[tokio::test]
async fn concurrent_repeats_make_one_event() {
    let server = server().await;
    let mut answers = vec![];
    for round in 0..20 {
        let name = format!("r{round}");
        let all = futures(&server, &name).await;
        assert!(all.iter().all(|answer| *answer == all[0]), "{all:?}");
        answers.push(all[0].clone());
    }
    assert_eq!(feed_length(&server).await, 20);
}

/// Eight requests of the same name at once.
async fn futures(server: &gancho_testkit::Server, name: &str) -> Vec<Value> {
    let send = || server.post("/events", event(name, 1), 202);
    let (a, b, c, d, e, f, g, h) = tokio::join!(send(), send(), send(), send(), send(), send(), send(), send());
    vec![a, b, c, d, e, f, g, h]
}

#[tokio::test]
async fn changes_by_their_id() {
    let mut server = server().await;
    let source = server.post("/sources", json!({"kind": "plugin", "name": "ERP"}), 201).await;
    let token = source["token"].as_str().expect("a token").to_owned();
    let change = |id: &str, paid: bool| {
        json!({"id": id, "model": "FacturaCliente", "operation": "update", "key": 1, "burst": "x",
        "before": {"pagada": false, "total": 1}, "after": {"pagada": paid, "total": 2}})
    };
    let body = json!({"changes": [change("1", true), change("2", true)]});
    let first = server.call_as(&token, Method::POST, "/changes", Some(body.clone())).await.expect(202);
    assert_eq!((&first["accepted"], &first["duplicates"]), (&json!(2), &json!(0)));
    assert_eq!(first["events"].as_array().map(Vec::len), Some(2), "updated and paid, once");
    server.kill().await;
    server.run().await;
    let again = server.call_as(&token, Method::POST, "/changes", Some(body)).await.expect(202);
    assert_eq!(again, json!({"accepted": 0, "duplicates": 2, "events": first["events"]}));
    let mixed = json!({"changes": [change("2", true), change("3", false)]});
    let mixed = server.call_as(&token, Method::POST, "/changes", Some(mixed)).await.expect(202);
    assert_eq!((&mixed["accepted"], &mixed["duplicates"]), (&json!(1), &json!(1)));
    let other = json!({"changes": [change("4", true), change("1", false)]});
    server.call_as(&token, Method::POST, "/changes", Some(other)).await.expect(409);
    assert_eq!(feed_length(&server).await, 3);
}
