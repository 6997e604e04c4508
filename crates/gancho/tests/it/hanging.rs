//! Webhooks that hang hold their own slots only, from the first moment on.

use std::time::Duration;

use gancho_testkit::{Receiver, Respond};
use serde_json::{Value, json};

use crate::server;

fn events(count: usize) -> Value {
    (0..count).map(|n| json!({"event": "demo.made", "data": {"object": {"n": n}}})).collect()
}

/// 200 that hang for a minute, longer than this test waits for anything, and one that answers.
#[tokio::test]
async fn two_hundred_that_hang_from_a_fresh_start_hold_nobody_up() {
    let server = server().await;
    let hanging = Receiver::with(|_| Respond::status(200).after(Duration::from_secs(3600))).await;
    let healthy = Receiver::start().await;
    for n in 0..200 {
        let body = json!({"url": hanging.url(&format!("/{n}")), "events": ["demo.*"], "timeout_ms": 60_000});
        server.post("/endpoints", body, 201).await;
    }
    server.add_endpoint(&healthy.url("/hook"), &["demo.*"]).await;
    server.post("/events", events(10), 202).await;
    healthy.wait_for(10).await;
    // Each that hangs got something too.
    hanging
        .wait_until("each of them was tried", |all| (0..200).all(|n| all.iter().any(|one| one.path == format!("/{n}"))))
        .await;
    for round in 2..=5 {
        server.post("/events", events(10), 202).await;
        healthy.wait_for(10 * round).await;
    }
}

/// The same of those that answered for a while and then hang all at once.
#[tokio::test]
async fn two_hundred_that_were_fast_and_hang_hold_nobody_up() {
    let server = server().await;
    let (hanging, healthy) = (Receiver::start().await, Receiver::start().await);
    for n in 0..200 {
        let body = json!({"url": hanging.url(&format!("/{n}")), "events": ["demo.*"], "timeout_ms": 60_000});
        server.post("/endpoints", body, 201).await;
    }
    server.add_endpoint(&healthy.url("/hook"), &["demo.*"]).await;
    server.post("/events", events(1), 202).await;
    hanging.wait_for(200).await;
    hanging.behave(|_| Respond::status(200).after(Duration::from_secs(3600)));
    for round in 1..=5 {
        server.post("/events", events(20), 202).await;
        healthy.wait_for(1 + 20 * round).await;
    }
}
