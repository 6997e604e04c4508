//! REST hooks: a service subscribes, asks what will come, and unsubscribes.

use gancho_testkit::Receiver;
use reqwest::Method;
use serde_json::json;

use crate::server;

#[tokio::test]
async fn a_service_subscribes_by_itself_and_leaves_nothing_behind() {
    let server = server().await;
    let receiver = Receiver::start().await;
    let url = receiver.url("/zap");
    let hook = server.post("/hooks", json!({"target_url": url, "event": "invoice.*", "name": "Zap"}), 201).await;
    assert_eq!((&hook["target_url"], &hook["event"]), (&json!(url), &json!("invoice.*")));
    server.send("customer.created").await;
    server.send("invoice.paid").await;
    let came = receiver.wait_for(1).await.remove(0);
    assert_eq!(came.header("x-webhook-event"), "invoice.paid");
    let secret = gancho_receiver::Secret::new(hook["secret"].as_str().expect("a secret"));
    assert_eq!(came.header("x-webhook-signature"), gancho_receiver::sign::plain(&secret, &came.body));
    let id = hook["id"].as_str().expect("an id");
    let path = format!("/hooks/{id}");
    server.call(Method::DELETE, &path, None).await.expect(204);
    server.call(Method::DELETE, &path, None).await.expect(404);
    server.call(Method::GET, &format!("/endpoints/{id}"), None).await.expect(404);
}

#[tokio::test]
async fn samples_are_the_latest_events_and_else_examples() {
    let server = server().await;
    let example = server.get("/hooks/samples?event=invoice.paid").await;
    assert_eq!(example.as_array().map(Vec::len), Some(1), "a plain list: {example}");
    assert_eq!(
        (&example[0]["event"], &example[0]["data"]["object"]["codigo"].is_string()),
        (&json!("invoice.paid"), &true)
    );
    let mut sent = Vec::new();
    for _ in 0..4 {
        sent.push(server.send("invoice.paid").await);
    }
    let real = server.get("/hooks/samples?event=invoice.*").await;
    let ids: Vec<&str> = real.as_array().expect("a list").iter().filter_map(|event| event["id"].as_str()).collect();
    assert_eq!(ids, [&*sent[3], &*sent[2], &*sent[1]], "the latest first");
    let unknown = server.get("/hooks/samples?event=own.thing").await;
    assert_eq!(unknown[0]["event"], "own.thing");
}

#[tokio::test]
async fn what_is_wrong_is_named_and_nothing_is_made() {
    let server = server().await;
    for (body, field) in [
        (json!({"event": "invoice.paid"}), "target_url"),
        (json!({"target_url": "https://example.com/"}), "event"),
        (json!({"target_url": "ftp://example.com/", "event": "invoice.paid"}), "target_url"),
        (json!({"target_url": "https://example.com/", "event": "no spaces"}), "event"),
        (json!({"target_url": "https://example.com/", "event": ["invoice.paid"]}), "event"),
        (json!({"target_url": "https://example.com/", "event": "invoice.paid", "x": 1}), "x"),
    ] {
        let problem = server.post("/hooks", body.clone(), 422).await;
        assert_eq!(problem["errors"][0]["field"], field, "{body}: {problem}");
    }
    server.call(Method::GET, "/hooks/samples", None).await.expect(422);
    assert_eq!(server.get("/endpoints").await["data"], json!([]));
}
