//! A part that breaks is never silent: all ends with a failing exit code, or it begins anew visibly. Needs the feature
//! `failpoints`, by which tests break parts.

use gancho_testkit::{Engine, Instance, Receiver, Server, ServerOptions};
use serde_json::{Value, json};

use crate::BINARY;

/// Every part that lives as long as the process.
const PARTS: [&str; 8] = ["metrics", "store-writer", "engine", "recorder", "upkeep", "sources", "mail", "http"];

#[tokio::test]
async fn a_part_that_breaks_ends_all_with_an_error() {
    for part in PARTS {
        let mut server = Server::start(BINARY, ServerOptions::default().env("GANCHO_MAIL_EVERY_S", 1)).await;
        let receiver = Receiver::start().await;
        server.add_endpoint(&receiver.url("/"), &["*"]).await;
        let event = server.send("demo.made").await;
        receiver.wait_for(1).await;
        server.stop().await;
        server.set_env("FAILPOINTS", format!("{part}=panic"));
        server.try_run().await;
        // Some break at once, some with the first event.
        let _ = server
            .try_call(reqwest::Method::POST, "/events", json!({"event": "demo.made", "data": {"object": {}}}))
            .await;
        assert_eq!(server.ended().await, Some(1), "{part}");
        server.set_env("FAILPOINTS", "");
        server.run().await;
        assert_eq!(server.get(&format!("/events/{event}")).await["id"], event, "{part}: nothing is lost");
    }
}

#[tokio::test]
async fn a_source_that_breaks_begins_anew_and_others_go_on() {
    let database = Instance::shared(Engine::MariaDb).database().await;
    let options = ServerOptions::default().env("FAILPOINTS", "source-database=3*panic->off");
    let server = Server::start(BINARY, options).await;
    let source = server.post("/sources", json!({"kind": "database", "name": "ERP", "url": database.url}), 201).await;
    let source = format!("/sources/{}", source["id"].as_str().expect("an id"));
    server.wait_until(&source, |source| source["state"] == "down").await;
    database.run("INSERT INTO clientes (codcliente, nombre) VALUES ('1', 'Ana')").await;
    let heard = |source: &Value| source["state"] == "ok";
    server.wait_until(&source, heard).await;
    let metrics = server.request(reqwest::Method::GET, "/metrics").send().await.expect("an answer").text().await;
    assert!(metrics.expect("text").contains("gancho_source_restarts_total"));
    let events = server.get("/events").await;
    assert_eq!(events["data"].as_array().map(Vec::len), Some(1), "{events}");
}

#[tokio::test]
async fn an_attempt_that_breaks_is_a_failed_one() {
    let server = Server::start(BINARY, ServerOptions::default().env("FAILPOINTS", "attempt=1*panic->off")).await;
    let receiver = Receiver::start().await;
    let endpoint = json!({"url": receiver.url("/"), "events": ["*"], "retry": {"delays_s": [1]}, "max_in_flight": 1});
    server.post("/endpoints", endpoint, 201).await;
    server.send("demo.made").await;
    receiver.wait_for(1).await;
    let all = server.wait_until("/deliveries", |page| page["data"][0]["state"] == "delivered").await;
    assert_eq!(all["data"][0]["attempts"], 2, "{all}");
}

/// A plugin on a slow machine has no time to wait for the answer: what it sent is taken in all the same.
#[tokio::test]
async fn an_outbox_is_taken_in_when_its_sender_has_gone() {
    let server = Server::start(BINARY, ServerOptions::default().env("FAILPOINTS", "outbox=sleep(500)")).await;
    let source = server.post("/sources", json!({"kind": "plugin", "name": "ERP"}), 201).await;
    let row = json!({"id": 1, "mark": "m", "tx": null, "at_ms": 1_000, "table": "clientes", "op": "I", "old": null,
        "new": {"codcliente": "1", "nombre": "Ana"}, "secrets": [], "busy": false, "gone": true});
    let status = json!({"plugin": "1.0", "erp": "2026", "mode": "triggers", "backlog": 1, "lost": 0, "error": null});
    let table = json!({"key": "codcliente", "columns": [["codcliente", "varchar"], ["nombre", "varchar"]]});
    let payload = json!({"now_ms": 9_000, "tables": {"clientes": table}, "rows": [row], "documents": [],
        "more": false, "status": status});
    let request = server.request(reqwest::Method::POST, "/api/v1/outbox").json(&payload);
    let request = request.bearer_auth(source["token"].as_str().expect("a token"));
    let answer = request.timeout(std::time::Duration::from_millis(250)).send().await;
    assert!(answer.is_err_and(|error| error.is_timeout()), "it went before the answer");
    let events = server.wait_until("/events", |page| page["data"][0]["event"] == "customer.created").await;
    assert_eq!(events["data"].as_array().map(Vec::len), Some(1));
}
