//! A computer whose clock is wrong and set while we run: nothing is silenced, disabled or lost by it.

use std::{path::PathBuf, process::Command};

use gancho_testkit::{Receiver, Respond, Server, ServerOptions};
use serde_json::{Value, json};

use crate::BINARY;

const HOUR_S: i64 = 3600;

/// A computer whose clock is wrong by what stands in a file: `clock.c`, put before the server.
pub struct Clock {
    folder: tempfile::TempDir,
}

impl Clock {
    pub fn new(ahead_s: i64) -> Self {
        let clock = Self { folder: tempfile::tempdir().expect("a folder") };
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/clock.c");
        let mut compiler = Command::new("cc");
        compiler.args(["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o"]).arg(clock.library()).arg(source);
        assert!(compiler.status().expect("the tests need cc: ./test installs it").success());
        clock.set(ahead_s);
        clock
    }

    fn library(&self) -> PathBuf {
        self.folder.path().join("clock.so")
    }

    fn set(&self, ahead_s: i64) {
        // Whole or not at all: it is read at every look at the clock.
        let (file, draft) = (self.folder.path().join("ahead"), self.folder.path().join("draft"));
        std::fs::write(&draft, ahead_s.to_string()).expect("written");
        std::fs::rename(draft, file).expect("renamed");
    }

    pub fn options(&self) -> ServerOptions {
        let ahead = self.folder.path().join("ahead");
        ServerOptions::default().env("LD_PRELOAD", self.library().display()).env("CLOCK_AHEAD", ahead.display())
    }
}

/// When the server's clock says that it is.
async fn now(server: &Server) -> jiff::Timestamp {
    server.send("nothing.wanted").await;
    let feed = server.get("/events?types=nothing.wanted&limit=500").await;
    let last = feed["data"].as_array().and_then(|all| all.last().cloned()).expect("an event");
    jiff::Timestamp::from_second(last["created"].as_i64().expect("a time")).expect("a time")
}

#[tokio::test]
async fn a_clock_that_was_ahead_at_the_start_silences_nothing() {
    let clock = Clock::new(2 * HOUR_S);
    let receiver = Receiver::with(|_| Respond::status(503)).await;
    let server = Server::start(BINARY, clock.options()).await;
    let here = std::time::UNIX_EPOCH.elapsed().expect("after 1970").as_secs().cast_signed();
    let ahead = now(&server).await.as_second() - here;
    assert!((2 * HOUR_S - 60..2 * HOUR_S + 60).contains(&ahead), "the clock is ahead: {ahead}");
    let body = json!({"url": receiver.url("/hook"), "events": ["demo.*"], "retry": {"delays_s": [1, 1, 1, 1]}});
    let endpoint = server.post("/endpoints", body, 201).await;
    let of = format!("/endpoints/{}", endpoint["id"].as_str().expect("an id"));
    for _ in 0..12 {
        server.send("demo.made").await;
    }
    server.wait_until(&of, |one| one["health"]["state"] == "failing").await;
    clock.set(0);
    receiver.behave(|_| Respond::status(200));
    server.wait_until(&of, |one| one["health"]["pending"] == 0).await;
    server.send("demo.made").await;
    server
        .wait_until("/deliveries?state=delivered&limit=500", |list| list["data"].as_array().map(Vec::len) == Some(13))
        .await;
}

#[tokio::test]
async fn a_probe_days_ahead_disables_nothing_and_what_it_planned_is_planned_anew() {
    let clock = Clock::new(0);
    let receiver = Receiver::with(|_| Respond::status(503)).await;
    let mut server = Server::start(BINARY, clock.options()).await;
    let body = json!({"url": receiver.url("/hook"), "events": ["demo.*"], "retry": {"delays_s": [1, 1, 1, 1, 1]}});
    let endpoint = server.post("/endpoints", body, 201).await;
    let of = format!("/endpoints/{}", endpoint["id"].as_str().expect("an id"));
    for _ in 0..12 {
        server.send("demo.made").await;
    }
    server.wait_until(&of, |one| one["health"]["state"] == "failing").await;
    clock.set(6 * 24 * HOUR_S);
    let before = receiver.received().len();
    server.post(&format!("{of}/retry"), json!({}), 202).await;
    receiver.wait_for(before + 2).await;
    let one = server.get(&of).await;
    assert_eq!((&one["enabled"], &one["health"]["state"]), (&json!(true), &json!("failing")));
    // A restart ahead, and one back again: what one of them planned means nothing to the other.
    for ahead_s in [40 * 24 * HOUR_S, 0] {
        server.kill().await;
        clock.set(ahead_s);
        let before = receiver.received().len();
        server.run().await;
        receiver.wait_for(before + 1).await;
        assert_eq!(server.get(&of).await["enabled"], true);
    }
    receiver.behave(|_| Respond::status(200));
    server.wait_until(&of, |one| one["health"]["pending"] == 0).await;
    let list = server.get("/deliveries?types=demo.*&limit=500").await;
    let ended = |one: &Value| one["state"] == "delivered" || one["attempts"] == 6;
    assert!(list["data"].as_array().is_some_and(|all| all.len() == 12 && all.iter().all(ended)), "{list}");
}

#[tokio::test]
async fn a_start_forty_days_ahead_removes_nothing() {
    let clock = Clock::new(0);
    let receiver = Receiver::start().await;
    let mut server = Server::start(BINARY, clock.options()).await;
    let body = json!({"url": receiver.url("/hook"), "events": ["demo.*"], "paused": true});
    let endpoint = server.post("/endpoints", body, 201).await;
    let event = server.send("demo.made").await;
    server.kill().await;
    clock.set(40 * 24 * HOUR_S);
    server.run().await;
    // Upkeep begins with the server; whatever it removes is gone before this is delivered.
    let of = format!("/endpoints/{}", endpoint["id"].as_str().expect("an id"));
    server.patch(&of, json!({"paused": false})).await;
    assert_eq!(receiver.wait_for(1).await[0].id(), event);
}
