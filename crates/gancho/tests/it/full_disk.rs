//! A full disk: 503 with Retry-After, nothing accepted is lost, and it goes on by itself.

use gancho_testkit::{Receiver, Server, ServerOptions};
use reqwest::Method;
use serde_json::{Value, json};

use crate::BINARY;

#[tokio::test]
async fn refused_whole_and_recovering_by_itself() {
    let receiver = Receiver::start().await;
    let options = ServerOptions::default().env("GANCHO_SQLITE_PAGES_MAX", 400).env("GANCHO_LOG_LEVEL", "off");
    let server = Server::start(BINARY, options).await;
    server.add_endpoint(&receiver.url("/hook"), &["demo.*"]).await;
    let (mut accepted, mut refused) = (vec![], 0);
    let text = "x".repeat(20_000);
    while refused < 5 {
        let event = json!({"event": "demo.made", "data": {"object": {"text": text}}});
        let answer = server.call(Method::POST, "/events", Some(event)).await;
        if answer.status == 202 {
            accepted.push(answer.body["id"].as_str().expect("an id").to_owned());
        } else {
            assert_eq!(answer.status, 503, "{}", answer.body);
            assert_eq!(answer.headers["retry-after"], "1");
            assert!(!answer.body.to_string().to_lowercase().contains("sql"), "{}", answer.body);
            refused += 1;
        }
    }
    assert!(accepted.len() > 10);
    let received = receiver.wait_until("all accepted came", |received| {
        accepted.iter().all(|id| received.iter().any(|one| one.id() == id))
    });
    received.await;
    let feed = server.get("/events?limit=500").await;
    assert_eq!(feed["data"].as_array().map(Vec::len), Some(accepted.len()), "all or nothing");
    assert_eq!(server.answer(server.request(Method::GET, "/readyz")).await.expect("answers").status, 200);
    let numbers: Vec<&Value> = feed["data"].as_array().expect("a list").iter().map(|one| &one["sequence"]).collect();
    assert_eq!(numbers.last().and_then(|last| last.as_u64()), Some(accepted.len() as u64));
}

#[tokio::test]
async fn room_again_is_enough() {
    let (mut options, receiver) = (ServerOptions::default(), Receiver::start().await);
    options = options.env("GANCHO_SQLITE_PAGES_MAX", 200).env("GANCHO_LOG_LEVEL", "off");
    let mut server = Server::start(BINARY, options).await;
    server.add_endpoint(&receiver.url("/hook"), &["demo.*"]).await;
    let event = || json!({"event": "demo.made", "data": {"object": {"text": "x".repeat(20_000)}}});
    let mut accepted = 0;
    while server.call(Method::POST, "/events", Some(event())).await.status == 202 {
        accepted += 1;
    }
    server.kill().await;
    server.set_env("GANCHO_SQLITE_PAGES_MAX", 0);
    server.run().await;
    server.post("/events", event(), 202).await;
    let list = server.wait_until("/deliveries?state=delivered&limit=500", |list| {
        list["data"].as_array().map(Vec::len) == Some(accepted + 1)
    });
    list.await;
}

/// The tracer answers a hundred writes as a file system that turned read-only would.
#[tokio::test]
async fn a_read_only_data_dir_refuses_until_it_can_be_written_again() {
    let (receiver, trace) = (Receiver::start().await, tempfile::NamedTempFile::new().expect("a file"));
    let tracer = ["strace", "-D", "-f", "-o", trace.path().to_str().expect("a path"), "-e", "trace=pwrite64", "-e"];
    let mut before: Vec<String> = tracer.map(ToOwned::to_owned).into();
    before.push("inject=pwrite64:error=EROFS:when=300..400".into());
    let options = ServerOptions { before, ..ServerOptions::default() }.env("GANCHO_LOG_LEVEL", "off");
    let server = Server::start(BINARY, options).await;
    server.add_endpoint(&receiver.url("/hook"), &["demo.*"]).await;
    let (mut accepted, mut refused, mut accepted_since) = (vec![], 0, 0);
    while accepted_since < 10 {
        let event = json!({"event": "demo.made", "data": {"object": {"n": accepted.len()}}});
        let answer = server.call(Method::POST, "/events", Some(event)).await;
        if answer.status == 202 {
            accepted.push(answer.body["id"].as_str().expect("an id").to_owned());
            accepted_since += u32::from(refused > 0);
        } else {
            assert_eq!((answer.status, &answer.headers["retry-after"]), (503, &"1".parse().expect("a value")));
            refused += 1;
        }
    }
    let received = receiver.wait_until("all accepted came", |received| {
        accepted.iter().all(|id| received.iter().any(|one| one.id() == id))
    });
    received.await;
    let feed = server.get("/events?limit=500").await;
    let kept: Vec<&str> =
        feed["data"].as_array().expect("a list").iter().filter_map(|one| one["id"].as_str()).collect();
    assert_eq!(kept, accepted, "what was accepted, and nothing else");
    assert!(std::fs::read_to_string(trace.path()).expect("the trace").contains("EROFS"), "the tracer took part");
}
