//! The receiver was repaired, and a person wants to go on: each of their ways is a probe at once.

use gancho_testkit::{Receiver, Respond, Server};
use serde_json::{Value, json};

use crate::server;

/// A failing endpoint of a receiver that was repaired just now; its next probe is minutes away.
struct Broken {
    server: Server,
    receiver: Receiver,
    /// `/endpoints/ep_…`
    of: String,
}

impl Broken {
    async fn new(count: usize) -> Self {
        let (server, receiver) = (server().await, Receiver::with(|_| Respond::status(500)).await);
        let body = json!({"url": receiver.url("/hook"), "events": ["demo.*"], "retry": {"delays_s": [3600, 3600]}});
        let endpoint = server.post("/endpoints", body, 201).await;
        let of = format!("/endpoints/{}", endpoint["id"].as_str().expect("an id"));
        let events: Value = (0..count).map(|n| json!({"event": "demo.made", "data": {"object": {"n": n}}})).collect();
        server.post("/events", events, 202).await;
        server.wait_until(&of, |one| one["health"]["state"] == "failing").await;
        receiver.behave(|_| Respond::status(200));
        Self { server, receiver, of }
    }

    /// Everything flows.
    async fn flows(&self, what: &str) {
        let waiting = self.server.get("/deliveries?state=pending&limit=500").await;
        let ended = |one: &Value| one["health"]["pending"] == 0 && one["health"]["state"] == "ok";
        self.server.wait_until(&self.of, ended).await;
        let delivered = self.server.get("/deliveries?state=delivered&types=demo.*&limit=500").await;
        let count = delivered["data"].as_array().map(Vec::len);
        assert!(count.is_some_and(|count| count >= 15), "{what}: {count:?}, waited: {waiting}");
    }
}

#[tokio::test]
async fn each_way_of_going_on_is_a_probe_at_once() {
    for what in ["retry", "delivery", "test", "resume", "url"] {
        let broken = Broken::new(15).await;
        let (server, of) = (&broken.server, &broken.of);
        let waiting = server.get("/deliveries?state=pending").await["data"][0].clone();
        assert_eq!(waiting["waiting_for"], "endpoint_failing", "{waiting}");
        assert!(waiting["next_attempt_at"].is_string(), "the next probe: {waiting}");
        match what {
            "retry" => assert_eq!(server.post(&format!("{of}/retry"), json!({}), 202).await["pending"], 15),
            "delivery" => {
                let one = format!("/deliveries/{}/retry", waiting["id"].as_str().expect("an id"));
                server.post(&one, json!({}), 200).await;
            }
            "test" => {
                let tested = server.post(&format!("{of}/test?wait=true"), json!({}), 200).await;
                assert_eq!(tested["state"], "delivered");
            }
            "resume" => {
                server.patch(of, json!({"paused": true})).await;
                let waiting = server.get("/deliveries?state=pending").await["data"][0].clone();
                assert_eq!(
                    (&waiting["waiting_for"], &waiting["next_attempt_at"]),
                    (&json!("endpoint_paused"), &Value::Null)
                );
                server.call(reqwest::Method::POST, &format!("{of}/retry"), None).await.expect(409);
                server.patch(of, json!({"paused": false})).await;
            }
            _ => drop(server.patch(of, json!({"url": broken.receiver.url("/elsewhere")})).await),
        }
        broken.flows(what).await;
    }
}

#[tokio::test]
async fn a_delivery_that_is_sent_again_is_the_probe() {
    let broken = Broken::new(15).await;
    // It still fails: only the one that was asked for is tried.
    broken.receiver.behave(|_| Respond::status(500));
    let before = broken.receiver.received().len();
    let waiting = broken.server.get("/deliveries?state=pending").await["data"][0].clone();
    let id = waiting["id"].as_str().expect("an id");
    broken.server.post(&format!("/deliveries/{id}/retry"), json!({}), 200).await;
    let attempts = waiting["attempts"].as_u64().map(|count| count + 1);
    broken
        .server
        .wait_until(&format!("/deliveries/{id}"), |one| {
            one["attempts"].as_array().map(|all| all.len() as u64) == attempts
        })
        .await;
    assert_eq!(broken.receiver.received().len(), before + 1);
}

#[tokio::test]
async fn one_with_only_replays_waiting_recovers() {
    let (server, receiver) = (server().await, Receiver::with(|_| Respond::status(500)).await);
    let body = json!({"url": receiver.url("/hook"), "events": ["demo.*"], "retry": {"delays_s": []}});
    let endpoint = server.post("/endpoints", body, 201).await;
    let of = format!("/endpoints/{}", endpoint["id"].as_str().expect("an id"));
    for _ in 0..10 {
        server.send("demo.made").await;
    }
    server.wait_until(&of, |one| one["health"]["state"] == "failing" && one["health"]["pending"] == 0).await;
    receiver.behave(|_| Respond::status(200));
    let replay = json!({"since": "2020-01-01T00:00:00Z"});
    assert_eq!(server.post(&format!("{of}/replay"), replay, 202).await["count"], 10);
    server.post(&format!("{of}/retry"), json!({}), 202).await;
    let ended = |one: &Value| one["health"]["pending"] == 0 && one["health"]["state"] == "ok";
    server.wait_until(&of, ended).await;
    assert_eq!(server.get("/deliveries?state=delivered").await["data"].as_array().map(Vec::len), Some(10));
}

#[tokio::test]
async fn a_passed_test_heals_one_with_an_empty_queue() {
    let broken = Broken::new(10).await;
    let waiting = broken.server.get("/deliveries?state=pending&limit=500").await["data"].clone();
    for one in waiting.as_array().expect("a list") {
        let path = format!("/deliveries/{}/cancel", one["id"].as_str().expect("an id"));
        broken.server.post(&path, json!({}), 200).await;
    }
    broken.server.post(&format!("{}/test?wait=true", broken.of), json!({}), 200).await;
    broken.server.wait_until(&broken.of, |one| one["health"]["state"] == "ok").await;
}

#[tokio::test]
async fn a_disabled_one_is_not_tried() {
    let broken = Broken::new(10).await;
    broken.server.patch(&broken.of, json!({"enabled": false})).await;
    let answer = broken.server.call(reqwest::Method::POST, &format!("{}/retry", broken.of), None).await.expect(409);
    assert!(answer["detail"].as_str().is_some_and(|text| text.contains("enable")), "{answer}");
    let waiting = broken.server.get("/deliveries?state=pending").await["data"][0].clone();
    assert_eq!((&waiting["waiting_for"], &waiting["next_attempt_at"]), (&json!("endpoint_disabled"), &Value::Null));
}
