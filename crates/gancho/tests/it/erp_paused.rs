//! Sources that a person paused: nothing is taken from the ERP, and nothing is lost there.

use gancho_testkit::{Engine, Server, ServerOptions};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    BINARY,
    erp_database::{Stage, types},
};

#[tokio::test]
async fn what_happens_during_a_pause_is_taken_when_it_is_over() {
    for engine in Engine::ALL {
        let mut stage = Stage::set(engine).await;
        stage.database.run("UPDATE clientes SET nombre = 'Eva' WHERE codcliente = '1'").await;
        assert_eq!(types(&stage.events(1).await), ["customer.updated"], "{engine:?}");
        let paused = stage.server.patch(&stage.source, json!({"paused": true})).await;
        assert_eq!((&paused["state"], &paused["paused"]), (&json!("paused"), &json!(true)));
        stage.database.run("UPDATE clientes SET nombre = 'Isa' WHERE codcliente = '1'").await;
        // Another start forgets no pause.
        stage.server.stop().await;
        stage.server.run().await;
        // One more source, which the server watches and hears: by then it would have taken from the paused one, too.
        let other = gancho_testkit::Instance::shared(engine).database().await;
        let new = json!({"kind": "database", "name": "Other", "url": other.url});
        stage.server.post("/sources", new, 201).await;
        other.run("INSERT INTO clientes (codcliente, nombre, fechaalta) VALUES ('2', 'Luz', '2026-01-01')").await;
        assert_eq!(types(&all(&stage.server, 2).await), ["customer.updated", "customer.created"], "{engine:?}");
        assert_eq!(stage.server.get(&stage.source).await["state"], "paused");
        stage.server.patch(&stage.source, json!({"paused": false})).await;
        let events = all(&stage.server, 3).await;
        assert_eq!(events[2]["data"]["object"]["nombre"], "Isa", "{engine:?}");
        stage.server.wait_until(&stage.source, |source| source["state"] == "ok").await;
    }
}

#[tokio::test]
async fn a_paused_plugin_is_to_come_again_later() {
    let server = Server::start(BINARY, ServerOptions::default()).await;
    let source = server.post("/sources", json!({"kind": "plugin", "name": "ERP"}), 201).await;
    let (token, path) =
        (source["token"].as_str().expect("a token"), format!("/sources/{}", source["id"].as_str().expect("an id")));
    server.patch(&path, json!({"paused": true})).await;
    let change =
        json!({"changes": [{"model": "Cliente", "operation": "insert", "key": 1, "after": {"codcliente": "1"}}]});
    let outbox = json!({"now_ms": 0, "tables": {}, "rows": [], "documents": [], "more": false,
        "status": {"plugin": "1", "erp": "2025", "mode": "triggers", "backlog": 0, "lost": 0, "error": null}});
    for (path, body) in [("/changes", &change), ("/outbox", &outbox)] {
        let refused = server.call_as(token, Method::POST, path, Some(body.clone())).await;
        let problem = refused.expect(503);
        assert!(problem["detail"].as_str().expect("a sentence").contains("paused"), "{problem}");
    }
    assert_eq!(server.get("/events").await["data"], json!([]));
    server.patch(&path, json!({"paused": false})).await;
    server.call_as(token, Method::POST, "/changes", Some(change)).await.expect(202);
    assert_eq!(types(&all(&server, 1).await), ["customer.created"]);
}

/// The events, once there are so many.
async fn all(server: &Server, least: usize) -> Vec<Value> {
    let all = |page: &Value| page["data"].as_array().cloned().unwrap_or_default();
    all(&server.wait_until("/events?limit=500", |page| all(page).len() >= least).await)
}
