//! Very many endpoints that fail at once: a healthy one gets its events, and each failing one comes to rest.

use std::sync::Arc;

use gancho_testkit::{Receiver, Server};
use serde_json::Value;
use tokio::task::JoinSet;

use crate::server;

/// How many fail; `./test --long` asks for 10,000.
fn failing() -> usize {
    std::env::var("GANCHO_TEST_ENDPOINTS").ok().and_then(|count| count.parse().ok()).unwrap_or(300)
}

/// An address at which nobody listens.
fn dead_url() -> String {
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    format!("http://{}/", free.local_addr().expect("an address"))
}

async fn add_failing(server: &Arc<Server>, count: usize) {
    let (url, mut adding) = (dead_url(), JoinSet::new());
    for n in 0..count {
        let (server, url) = (server.clone(), format!("{url}{n}"));
        adding.spawn(async move { server.add_endpoint(&url, &["*"]).await });
        if adding.len() == 16 {
            adding.join_next().await.expect("one").expect("added");
        }
    }
    while let Some(added) = adding.join_next().await {
        added.expect("added");
    }
}

/// Whether all on a page but one are known to fail.
fn is_settled(page: &Value, healthy: &str) -> bool {
    let mut all = page["data"].as_array().expect("a list").iter();
    all.all(|one| one["url"] == healthy || one["health"]["state"] == "failing")
}

#[tokio::test]
async fn a_healthy_endpoint_gets_its_events_beside_very_many_that_fail() {
    let (server, receiver) = (Arc::new(server().await), Receiver::start().await);
    add_failing(&server, failing()).await;
    server.add_endpoint(&receiver.url("/ok"), &["*"]).await;
    let mut sent = vec![];
    for _ in 0..3 {
        sent.push(server.send("invoice.paid").await);
        // One after the other, while all the others are being tried.
        receiver.wait_for(sent.len()).await;
    }
    let came = receiver.received();
    assert_eq!(came.iter().map(|one| one.id()).collect::<Vec<_>>(), sent);
    // Ten failures in a row, and each is known to fail.
    for _ in 0..10 {
        sent.push(server.send("invoice.paid").await);
    }
    receiver.wait_for(sent.len()).await;
    let (mut after, mut known) = (String::new(), 0);
    loop {
        let path = format!("/endpoints?limit=500{after}");
        let page = server.wait_until(&path, |page| is_settled(page, &receiver.url("/ok"))).await;
        known += page["data"].as_array().expect("a list").len();
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    assert_eq!(known, failing() + 1);
}
