//! A log line never stops work: standard error full, closed, or a pipe that nobody reads.

use gancho_testkit::{Receiver, Respond, Server, ServerOptions};
use serde_json::json;

use crate::BINARY;

/// A server whose standard error goes there, as a shell writes it.
async fn logging_to(redirection: &str, level: &str) -> Server {
    let mut options = ServerOptions::default().env("GANCHO_LOG_LEVEL", level);
    options.before = ["sh", "-c", &format!("exec \"$@\" {redirection}"), "sh"].map(str::to_owned).into();
    Server::start(BINARY, options).await
}

/// Every kind of work that logs, and a soft stop.
async fn works(mut server: Server, what: &str) {
    let receiver = Receiver::with(|_| Respond::status(500)).await;
    let body = json!({"url": receiver.url("/hook"), "events": ["demo.*"], "retry": {"delays_s": [0, 0]}});
    let endpoint = server.post("/endpoints", body, 201).await;
    let of = format!("/endpoints/{}", endpoint["id"].as_str().expect("an id"));
    server.patch(&of, json!({"name": "Otro"})).await;
    for _ in 0..50 {
        server.send("demo.made").await;
    }
    server.wait_until(&of, |one| one["health"]["state"] == "failing").await;
    receiver.behave(|_| Respond::status(200));
    server.post(&format!("{of}/retry"), json!({}), 202).await;
    server.wait_until(&of, |one| one["health"]["pending"] == 0).await;
    // What is dropped is counted; of a pipe that nobody reads, only once it is full.
    let counted = async {
        while dropped(&server).await == 0 {
            // Each leaves a line.
            for n in 0..500 {
                server.patch(&of, json!({"name": format!("{n:0>100}")})).await;
            }
        }
    };
    tokio::time::timeout(gancho_testkit::PATIENCE, counted).await.expect(what);
    assert_eq!(server.stop().await, Some(0), "{what}: it stops softly");
}

/// How many lines were dropped.
async fn dropped(server: &Server) -> u64 {
    let metrics = server.request(reqwest::Method::GET, "/metrics").send().await.expect("metrics").text().await;
    let metrics = metrics.expect("text");
    let count = metrics.lines().find_map(|line| line.strip_prefix("gancho_log_lines_dropped_total "));
    count.and_then(|count| count.parse().ok()).expect("a count")
}

/// A pipe with a name, and its end to read from.
fn pipe() -> (tempfile::TempDir, String, std::fs::File) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("logs");
    assert!(std::process::Command::new("mkfifo").arg(&path).status().expect("mkfifo runs").success());
    // Opened for reading and writing, so that neither side waits for the other.
    let held = std::fs::File::options().read(true).write(true).open(&path).expect("opened");
    (folder, format!("2>{}", path.display()), held)
}

#[tokio::test]
async fn a_full_disk_behind_standard_error() {
    works(logging_to("2>/dev/full", "info").await, "full").await;
}

#[tokio::test]
async fn a_pipe_whose_reader_is_gone() {
    let (_folder, redirection, held) = pipe();
    let server = logging_to(&redirection, "info").await;
    drop(held);
    works(server, "gone").await;
}

#[tokio::test]
async fn a_pipe_that_nobody_reads() {
    let (_folder, redirection, held) = pipe();
    works(logging_to(&redirection, "info").await, "unread").await;
    drop(held);
}

#[tokio::test]
async fn standard_error_closed() {
    // Then it is /dev/null: nothing is dropped, and nothing stops.
    let server = logging_to("2>&-", "info").await;
    server.add_endpoint("https://example.com/", &["nothing.*"]).await;
    let mut server = server;
    assert_eq!(server.stop().await, Some(0));
}
