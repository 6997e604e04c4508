//! What the engine promises, seen from the receiver and from the API.

use std::time::Duration;

use gancho_testkit::{Receiver, Respond, Server, ServerOptions};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{BINARY, server};

/// An endpoint with these retries, in seconds.
async fn endpoint(server: &Server, url: &str, delays_s: &[u32]) -> Value {
    let body = json!({"url": url, "events": ["*"], "retry": {"delays_s": delays_s}});
    server.post("/endpoints", body, 201).await
}

fn path(of: &Value, what: &str) -> String {
    format!("/{what}/{}", of["id"].as_str().expect("an id"))
}

/// The only delivery there is, once something holds for it.
async fn delivery_until(server: &Server, holds: impl Fn(&Value) -> bool) -> Value {
    let list = server
        .wait_until("/deliveries", |list| list["data"].as_array().is_some_and(|data| data.iter().any(&holds)))
        .await;
    let found = list["data"].as_array().expect("a list").iter().find(|one| holds(one)).expect("it is there").clone();
    server.get(&path(&found, "deliveries")).await
}

#[tokio::test]
async fn failures_are_tried_again_and_every_attempt_is_logged() {
    let server = server().await;
    let mut answers = vec![200, 302, 500].into_iter().map(Respond::status).collect::<Vec<_>>();
    let elsewhere = Receiver::start().await;
    answers[1] = Respond::status(302).header("location", elsewhere.url("/redirected"));
    let receiver = Receiver::with(move |_| answers.pop().unwrap_or_else(|| Respond::status(200))).await;
    endpoint(&server, &receiver.url("/hook"), &[0, 0, 0]).await;
    server.send("demo.made").await;
    let received = receiver.wait_for(3).await;
    let numbers: Vec<&str> = received.iter().map(|one| one.header("x-webhook-attempt")).collect();
    assert_eq!(numbers, ["1", "2", "3"]);
    assert!(received.iter().all(|one| one.body == received[0].body && one.id() == received[0].id()));
    let delivery = delivery_until(&server, |one| one["state"] == "delivered").await;
    let attempts = delivery["attempts"].as_array().expect("a list");
    let codes: Vec<_> = attempts.iter().map(|attempt| attempt["status_code"].clone()).collect();
    assert_eq!(codes, [500, 302, 200]);
    assert_eq!((&attempts[0]["error"]["kind"], &attempts[2]["error"]), (&json!("status"), &Value::Null));
    assert_eq!(attempts[0]["response_body"], "ok");
    for secret in ["webhook-signature", "x-webhook-signature"] {
        assert_eq!(attempts[0]["request_headers"][secret], "***");
    }
    assert!(elsewhere.received().is_empty(), "a redirect is not followed");
}

#[tokio::test]
async fn after_the_last_attempt_it_is_failed_and_can_be_sent_again() {
    let server = server().await;
    let receiver = Receiver::with(|_| Respond::status(500)).await;
    endpoint(&server, &receiver.url("/hook"), &[0]).await;
    server.send("demo.made").await;
    let failed = delivery_until(&server, |one| one["state"] == "failed").await;
    assert_eq!(failed["attempts"].as_array().map(Vec::len), Some(2));
    assert_eq!((&failed["next_attempt_at"], &failed["max_attempts"]), (&Value::Null, &json!(2)));
    receiver.behave(|_| Respond::status(204));
    server.call(Method::POST, &format!("{}/retry", path(&failed, "deliveries")), None).await.expect(200);
    let delivered = delivery_until(&server, |one| one["state"] == "delivered").await;
    assert_eq!(delivered["attempts"].as_array().map(Vec::len), Some(3));
}

#[tokio::test]
async fn retry_after_postpones() {
    let server = server().await;
    let receiver = Receiver::with(|_| Respond::status(503).header("retry-after", "1800")).await;
    endpoint(&server, &receiver.url("/hook"), &[1, 1]).await;
    server.send("demo.made").await;
    let waiting = delivery_until(&server, |one| one["attempts"] == 1).await;
    let wait_ms = time(&waiting["next_attempt_at"]) - time(&waiting["attempts"][0]["at"]);
    assert!((1_800_000..1_860_000).contains(&wait_ms), "{wait_ms}");
}

/// Milliseconds of an RFC 3339 time.
fn time(value: &Value) -> i64 {
    value.as_str().and_then(|text| text.parse::<jiff::Timestamp>().ok()).expect("a time").as_millisecond()
}

#[tokio::test]
async fn gone_disables_and_nothing_more_is_collected() {
    let server = server().await;
    let receiver = Receiver::with(|_| Respond::status(410)).await;
    let endpoint = endpoint(&server, &receiver.url("/hook"), &[0, 0]).await;
    server.send("demo.made").await;
    let disabled = server.wait_until(&path(&endpoint, "endpoints"), |one| one["enabled"] == false).await;
    assert_eq!((&disabled["health"]["state"], &disabled["disabled_reason"]), (&json!("disabled"), &json!("gone")));
    assert_eq!(disabled["health"]["pending"], 1, "what waits keeps waiting");
    let missed = server.send("demo.made").await;
    assert_eq!(server.get(&format!("/events/{missed}")).await["deliveries"], json!([]));

    receiver.behave(|_| Respond::status(200));
    server.patch(&path(&endpoint, "endpoints"), json!({"enabled": true})).await;
    receiver.wait_for(2).await;
    delivery_until(&server, |one| one["state"] == "delivered").await;
}

#[tokio::test]
async fn a_paused_endpoint_collects_and_waits() {
    let (server, receiver) = (server().await, Receiver::start().await);
    let endpoint = endpoint(&server, &receiver.url("/hook"), &[0]).await;
    let of = path(&endpoint, "endpoints");
    server.patch(&of, json!({"paused": true})).await;
    for _ in 0..3 {
        server.send("demo.made").await;
    }
    let paused = server.get(&of).await;
    assert_eq!((&paused["health"]["state"], &paused["health"]["pending"]), (&json!("paused"), &json!(3)));
    assert!(paused["health"]["oldest_pending_at"].is_string());
    // A test goes all the same, and nothing else does.
    let tested = server.post(&format!("{of}/test?wait=true"), json!({"event": "invoice.paid"}), 200).await;
    assert_eq!((&tested["state"], &tested["lane"]), (&json!("delivered"), &json!("test")));
    let received = receiver.wait_for(1).await;
    assert_eq!(received.len(), 1);
    assert_eq!((&received[0].json()["test"], received[0].header("x-webhook-sequence")), (&json!(true), "0"));
    server.patch(&of, json!({"paused": false})).await;
    receiver.wait_for(4).await;
    let done = server.wait_until(&of, |one| one["health"]["pending"] == 0).await;
    assert_eq!(done["health"]["state"], "ok");
    assert_eq!(server.get("/events").await["data"].as_array().map(Vec::len), Some(3), "a test is not in the feed");
}

#[tokio::test]
async fn a_test_reaches_a_disabled_endpoint_and_leaves_its_health_alone() {
    let server = server().await;
    let receiver = Receiver::with(|_| Respond::status(500)).await;
    let body = json!({"url": receiver.url("/hook"), "events": ["invoice.*"], "enabled": false});
    let endpoint = server.post("/endpoints", body, 201).await;
    let tested = server.call(Method::POST, &format!("{}/test?wait=true", path(&endpoint, "endpoints")), None).await;
    let tested = tested.expect(200);
    assert_eq!((&tested["state"], tested["attempts"].as_array().map(Vec::len)), (&json!("failed"), Some(1)));
    let after = server.get(&path(&endpoint, "endpoints")).await;
    assert_eq!(after["health"]["consecutive_failures"], 0);
}

#[tokio::test]
async fn a_waiting_delivery_can_be_cancelled() {
    let server = server().await;
    let receiver = Receiver::with(|_| Respond::status(500)).await;
    let endpoint = endpoint(&server, &receiver.url("/hook"), &[3600]).await;
    server.send("demo.made").await;
    let waiting = delivery_until(&server, |one| one["attempts"] == 1).await;
    let of = path(&waiting, "deliveries");
    let cancelled = server.call(Method::POST, &format!("{of}/cancel"), None).await.expect(200);
    assert_eq!((&cancelled["state"], &cancelled["reason"]), (&json!("cancelled"), &json!("cancelled")));
    server.call(Method::POST, &format!("{of}/cancel"), None).await.expect(409);
    assert_eq!(server.get(&path(&endpoint, "endpoints")).await["health"]["pending"], 0);
}

#[tokio::test]
async fn a_removed_endpoint_leaves_its_log() {
    let server = server().await;
    let receiver = Receiver::with(|_| Respond::status(500)).await;
    let endpoint = endpoint(&server, &receiver.url("/hook"), &[3600]).await;
    server.send("demo.made").await;
    let waiting = delivery_until(&server, |one| one["attempts"] == 1).await;
    server.call(Method::DELETE, &path(&endpoint, "endpoints"), None).await.expect(204);
    server.call(Method::GET, &path(&endpoint, "endpoints"), None).await.expect(404);
    let after = server.get(&path(&waiting, "deliveries")).await;
    assert_eq!((&after["state"], &after["reason"]), (&json!("cancelled"), &json!("endpoint_removed")));
    server.call(Method::POST, &format!("{}/retry", path(&waiting, "deliveries")), None).await.expect(409);
}

#[tokio::test]
async fn a_rotation_overlaps_then_ends() {
    let (server, receiver) = (server().await, Receiver::start().await);
    let endpoint = endpoint(&server, &receiver.url("/hook"), &[0]).await;
    let of = path(&endpoint, "endpoints");
    let old = endpoint["secret"].as_str().expect("a secret");
    let rotated = server.post(&format!("{of}/rotate-secret"), json!({}), 200).await;
    let new = rotated["secret"].as_str().expect("the new secret");
    assert_eq!(rotated["previous"], old);
    assert_eq!(server.get(&format!("{of}/secret")).await, rotated);
    server.send("demo.made").await;
    let both = receiver.wait_for(1).await.remove(0);
    let good = |secret: &str, one: &gancho_testkit::Received| {
        let header = |name: &str| one.headers.get(name).map(String::as_str);
        let now = one.header("webhook-timestamp").parse().expect("seconds");
        gancho_receiver::Verifier::new(gancho_receiver::Secret::new(secret)).verify(header, &one.body, now).is_ok()
    };
    assert!(good(old, &both) && good(new, &both));
    let plain = |secret: &str| gancho_receiver::sign::plain(&gancho_receiver::Secret::new(secret), &both.body);
    assert_eq!(both.header("x-webhook-signature"), plain(old));
    assert_eq!(both.header("x-webhook-signature-next"), plain(new));

    // A script that runs again must not throw away the secret that receivers still have.
    server.post(&format!("{of}/rotate-secret"), json!({}), 409).await;
    let finished = server.post(&format!("{of}/rotate-secret"), json!({"finish": true}), 200).await;
    assert_eq!(finished, json!({"secret": new, "previous": null, "both_until": null}));
    server.send("demo.made").await;
    let one = receiver.wait_for(2).await.remove(1);
    assert!(!good(old, &one) && good(new, &one));
    assert_eq!(one.header("x-webhook-signature-next"), "");
    assert_eq!(server.get(&format!("{of}/secret")).await["secret"], new);
}

#[tokio::test]
async fn private_addresses_are_refused_unless_allowed() {
    let receiver = Receiver::start().await;
    let server = Server::start(BINARY, ServerOptions::default().env("GANCHO_ALLOW_HOSTS", "")).await;
    // A name: a literal address would not even be taken.
    endpoint(&server, &receiver.url("/hook").replace("127.0.0.1", "localhost"), &[]).await;
    server.send("demo.made").await;
    let failed = delivery_until(&server, |one| one["state"] == "failed").await;
    let error = &failed["attempts"][0]["error"];
    assert_eq!(error["kind"], "blocked");
    assert!(error["message"].as_str().is_some_and(|text| text.contains("loopback")), "{error}");
    assert!(receiver.received().is_empty());
}

#[tokio::test]
async fn a_slow_answer_ends_at_the_deadline_and_a_long_one_is_cut() {
    let server = server().await;
    let receiver = Receiver::with(|one| match one.path.as_str() {
        "/slow" => Respond::status(200).after(Duration::from_secs(3600)),
        _ => Respond { body: "x".repeat(200_000), ..Respond::status(200) },
    })
    .await;
    let slow =
        json!({"url": receiver.url("/slow"), "events": ["slow.*"], "timeout_ms": 300, "retry": {"delays_s": []}});
    server.post("/endpoints", slow, 201).await;
    server.add_endpoint(&receiver.url("/long"), &["long.*"]).await;
    server.send("slow.event").await;
    server.send("long.event").await;
    let failed = delivery_until(&server, |one| one["state"] == "failed").await;
    assert_eq!(failed["attempts"][0]["error"]["kind"], "timeout");
    assert_eq!(failed["attempts"][0]["status_code"], Value::Null);
    let cut = delivery_until(&server, |one| one["state"] == "delivered").await;
    assert_eq!(cut["attempts"][0]["response_truncated"], true);
    assert_eq!(cut["attempts"][0]["response_body"].as_str().map(str::len), Some(16 * 1024));
}

#[tokio::test]
async fn no_more_at_once_than_the_endpoint_takes() {
    let server = server().await;
    let receiver = Receiver::with(|_| Respond::status(200).after(Duration::from_millis(20))).await;
    let body = json!({"url": receiver.url("/hook"), "events": ["*"], "max_in_flight": 3});
    server.post("/endpoints", body, 201).await;
    let events: Vec<Value> = (0..60).map(|n| json!({"event": "demo.made", "data": {"object": {"n": n}}})).collect();
    server.post("/events", Value::from(events), 202).await;
    receiver.wait_for(60).await;
    assert_eq!(receiver.most_at_once(), 3, "all that it takes, and no more");
}

#[tokio::test]
async fn no_more_a_second_than_the_endpoint_takes() {
    let (server, receiver) = (server().await, Receiver::start().await);
    let body = json!({"url": receiver.url("/hook"), "events": ["*"], "rate_per_s": 5});
    server.post("/endpoints", body, 201).await;
    let events: Vec<Value> = (0..12).map(|n| json!({"event": "demo.made", "data": {"object": {"n": n}}})).collect();
    server.post("/events", Value::from(events), 202).await;
    receiver.wait_for(12).await;
    let list = server
        .wait_until("/deliveries?state=delivered", |list| list["data"].as_array().map(Vec::len) == Some(12))
        .await;
    let mut times: Vec<i64> =
        list["data"].as_array().expect("a list").iter().map(|one| time(&one["last"]["at"])).collect();
    times.sort_unstable();
    // A bucket of five, then one each 200 ms: seven more take 1.4 s at least.
    assert!(times[11] - times[0] >= 1_390, "{times:?}");
}

#[tokio::test]
async fn headers_of_one_s_own_are_sent_and_never_shown() {
    let (server, receiver) = (server().await, Receiver::start().await);
    let body = json!({"url": receiver.url("/hook?key=abcdef"), "events": ["*"],
        "headers": {"Authorization": "Bearer hush", "X-Tenant": "t-1"}});
    let endpoint = server.post("/endpoints", body, 201).await;
    assert_eq!(endpoint["headers"], json!({"Authorization": "***", "X-Tenant": "***"}));
    server.send("demo.made").await;
    let received = receiver.wait_for(1).await.remove(0);
    assert_eq!((received.header("authorization"), received.header("x-tenant")), ("Bearer hush", "t-1"));
    let delivery = delivery_until(&server, |one| one["state"] == "delivered").await;
    assert!(!delivery.to_string().contains("hush") && !delivery.to_string().contains("t-1"));
    // A masked value given back means the one that is known.
    let of = path(&endpoint, "endpoints");
    server.patch(&of, json!({"headers": {"Authorization": "***"}})).await;
    server.send("demo.made").await;
    let received = receiver.wait_for(2).await.remove(1);
    assert_eq!((received.header("authorization"), received.header("x-tenant")), ("Bearer hush", ""));

    let reader = server.post("/tokens", json!({"name": "viewer", "scope": "read"}), 201).await;
    let seen = server.call_as(reader["token"].as_str().expect("a token"), Method::GET, &of, None).await.expect(200);
    assert_eq!(seen["url"], receiver.url("/hook?key=***"));
    let at_rest = server.at_rest();
    for secret in ["Bearer hush", endpoint["secret"].as_str().expect("a secret")] {
        let is_found = at_rest.windows(secret.len()).any(|part| part == secret.as_bytes());
        assert!(!is_found, "a secret stands in the database in clear");
    }
}

#[tokio::test]
async fn what_is_too_large_to_send_is_kept_and_skipped() {
    let (server, receiver) = (server().await, Receiver::start().await);
    server.add_endpoint(&receiver.url("/hook"), &["*"]).await;
    let long = "x".repeat(300_000);
    let event = json!({"event": "demo.made", "data": {"object": {"text": long}}});
    server.post("/events", event, 413).await;
    let source = server.post("/sources", json!({"kind": "plugin", "name": "ERP"}), 201).await;
    let changes = json!({"changes": [{"model": "Cliente", "operation": "insert", "key": "1", "after": {"codcliente": "1", "observaciones": long}}]});
    let token = source["token"].as_str().expect("a token");
    let taken = server.call_as(token, Method::POST, "/changes", Some(changes)).await.expect(202);
    let id = taken["events"][0].as_str().expect("an event");
    let kept = server.get(&format!("/events/{id}")).await;
    let delivery = &kept["deliveries"][0];
    assert_eq!((&delivery["state"], &delivery["reason"]), (&json!("skipped"), &json!("too_large")));
    assert_eq!(kept["data"]["object"]["observaciones"].as_str().map(str::len), Some(300_000));
    assert!(receiver.received().is_empty());
}

#[tokio::test]
async fn a_stop_lets_attempts_end_and_loses_nothing() {
    let mut server = server().await;
    let receiver = Receiver::with(|_| Respond::status(200).after(Duration::from_millis(400))).await;
    let body = json!({"url": receiver.url("/hook"), "events": ["*"], "max_in_flight": 2});
    server.post("/endpoints", body, 201).await;
    let events: Vec<Value> = (0..5).map(|n| json!({"event": "demo.made", "data": {"object": {"n": n}}})).collect();
    server.post("/events", Value::from(events), 202).await;
    receiver.wait_for(2).await;
    assert_eq!(server.stop().await, Some(0));
    let before = receiver.received().len();
    server.run().await;
    let list =
        server.wait_until("/deliveries?state=delivered", |list| list["data"].as_array().map(Vec::len) == Some(5)).await;
    assert!(list["data"].as_array().expect("a list").iter().all(|one| one["attempts"] == 1));
    assert_eq!(receiver.received().len(), 5, "{before} before the stop: what was under way was recorded");
}
