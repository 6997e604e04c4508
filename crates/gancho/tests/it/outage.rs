//! An endpoint that fails for a while, and what is sent again.

use gancho_testkit::{Receiver, Respond};
use reqwest::Method;
use serde_json::{Value, json};

use crate::server;

fn events(n: usize) -> Value {
    (0..n).map(|n| json!({"event": "demo.made", "data": {"object": {"n": n}}})).collect()
}

#[tokio::test]
async fn an_outage_from_beginning_to_end() {
    let (server, watcher) = (server().await, Receiver::start().await);
    let receiver = Receiver::with(|_| Respond::status(503)).await;
    server.add_endpoint(&watcher.url("/watch"), &["endpoint.*"]).await;
    let url = receiver.url("/hook?token=abc");
    let body =
        json!({"url": url, "events": ["demo.*"], "retry": {"delays_s": [1, 1]}, "max_in_flight": 4, "name": "Tienda"});
    let endpoint = server.post("/endpoints", body, 201).await;
    let of = format!("/endpoints/{}", endpoint["id"].as_str().expect("an id"));
    server.post("/events", events(30), 202).await;
    let failing = server.wait_until(&of, |one| one["health"]["state"] == "failing").await;
    assert_eq!(failing["health"]["pending"], 30, "the rest waits");
    let reported = watcher.wait_for(1).await.remove(0).json();
    assert_eq!((&reported["event"], &reported["data"]["object"]["id"]), (&json!("endpoint.failing"), &endpoint["id"]));
    assert_eq!(reported["data"]["object"]["url"], receiver.url("/hook?token=***"));
    // One probe at a time, at the pace of the plan: three more attempts take two seconds at least.
    let so_far = receiver.received().len();
    assert!((10..=14).contains(&so_far), "{so_far}: at most four were under way when it came to be failing");
    receiver.wait_for(so_far + 3).await;
    let health = server.get(&of).await["health"].clone();
    assert_eq!((&health["state"], &health["pending"]), (&json!("failing"), &json!(30)));

    receiver.behave(|_| Respond::status(200));
    let recovered = server.wait_until(&of, |one| one["health"]["pending"] == 0).await;
    assert_eq!(
        (&recovered["health"]["state"], &recovered["health"]["consecutive_failures"]),
        (&json!("ok"), &json!(0))
    );
    assert_eq!(watcher.wait_for(2).await[1].json()["event"], "endpoint.recovered");
    let delivered = server.get("/deliveries?state=delivered&types=demo.*").await;
    assert_eq!(delivered["data"].as_array().map(Vec::len), Some(30));
}

#[tokio::test]
async fn what_failed_is_sent_again_by_hand_counted_first() {
    let server = server().await;
    let receiver = Receiver::with(|_| Respond::status(500)).await;
    let body = json!({"url": receiver.url("/hook"), "events": ["demo.*"], "retry": {"delays_s": []}});
    let endpoint = server.post("/endpoints", body, 201).await;
    let of = format!("/endpoints/{}", endpoint["id"].as_str().expect("an id"));
    server.post("/events", events(10), 202).await;
    server.wait_until(&of, |one| one["health"]["state"] == "failing").await;
    server.wait_until("/deliveries?state=failed", |list| list["data"].as_array().map(Vec::len) == Some(10)).await;
    receiver.behave(|_| Respond::status(200));
    // A plan without retries is probed every ten minutes: a person need not wait.
    server.patch(&of, json!({"enabled": false})).await;
    server.patch(&of, json!({"enabled": true, "retry": {"delays_s": [0]}})).await;
    let since = json!({"since": "2020-01-01T00:00:00Z", "dry_run": true});
    assert_eq!(server.post(&format!("{of}/replay"), since, 200).await["count"], 10);
    let since = json!({"since": "2020-01-01T00:00:00Z"});
    assert_eq!(server.post(&format!("{of}/replay"), since, 202).await["count"], 10);
    let list = server
        .wait_until("/deliveries?state=delivered", |list| list["data"].as_array().map(Vec::len) == Some(10))
        .await;
    assert!(list["data"].as_array().expect("a list").iter().all(|one| one["lane"] == "replay"));
}

#[tokio::test]
async fn missed_and_all() {
    let (server, receiver) = (server().await, Receiver::start().await);
    let endpoint = server.add_endpoint(&receiver.url("/hook"), &["demo.*"]).await;
    let of = format!("/endpoints/{}", endpoint["id"].as_str().expect("an id"));
    server.send("demo.made").await;
    receiver.wait_for(1).await;
    server.wait_until(&of, |one| one["health"]["pending"] == 0).await;
    server.patch(&of, json!({"enabled": false})).await;
    let missed = server.send("demo.made").await;
    server.send("other.thing").await;
    server.patch(&of, json!({"enabled": true})).await;
    let replay = async |body: Value, status| server.post(&format!("{of}/replay"), body, status).await["count"].clone();
    assert_eq!(replay(json!({"since": "2020-01-01T00:00:00Z", "only": "missed"}), 202).await, 1);
    assert_eq!(receiver.wait_for(2).await[1].id(), missed);
    server.wait_until(&of, |one| one["health"]["pending"] == 0).await;
    assert_eq!(replay(json!({"since": "2020-01-01T00:00:00Z", "only": "missed"}), 202).await, 0);
    assert_eq!(replay(json!({"since": "2020-01-01T00:00:00Z", "only": "all", "events": ["nothing.*"]}), 202).await, 0);
    assert_eq!(replay(json!({"since": "2020-01-01T00:00:00Z", "only": "all"}), 202).await, 2);
    let received = receiver.wait_for(4).await;
    let ids: std::collections::HashSet<_> = received.iter().map(|one| one.id().to_owned()).collect();
    assert_eq!(ids.len(), 2, "the ids they had");
    assert_eq!(replay(json!({"since": "2100-01-01T00:00:00Z", "until": "2101-01-01T00:00:00Z"}), 202).await, 0);
    let bad = json!({"since": "yesterday", "until": 1, "only": "some", "events": []});
    let answer = server.call(Method::POST, &format!("{of}/replay"), Some(bad)).await;
    assert_eq!((answer.status, answer.body["errors"].as_array().map(Vec::len)), (422, Some(4)));
}
