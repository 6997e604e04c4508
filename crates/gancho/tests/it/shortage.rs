//! Few file descriptors: silent clients delay nobody, and what we lack is no fault of the receiver's.

use gancho_testkit::{Receiver, Server, ServerOptions};
use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt, net::TcpStream, process::Command};

use crate::BINARY;

async fn with_descriptors(count: u32) -> Server {
    let mut options = ServerOptions::default().env("GANCHO_LOG_LEVEL", "error");
    options.before = ["sh", "-c", &format!("ulimit -n {count}; exec \"$@\""), "sh"].map(str::to_owned).into();
    Server::start(BINARY, options).await
}

#[tokio::test]
async fn four_hundred_silent_clients_delay_no_request_and_cost_no_attempt() {
    let (server, receiver) = (with_descriptors(256).await, Receiver::start().await);
    server.add_endpoint(&receiver.url("/hook"), &["demo.*"]).await;
    let address = server.base().trim_start_matches("http://").to_owned();
    let mut silent = vec![];
    for n in 0..400 {
        let mut stream = TcpStream::connect(&address).await.expect("it takes connections");
        if n % 2 == 0 {
            // Half of a request is as silent.
            let _ = stream.write_all(b"POST /login HTTP/1.1\r\nhost:").await;
        }
        silent.push(stream);
    }
    for _ in 0..50 {
        server.send("demo.made").await;
    }
    receiver.wait_for(50).await;
    let all =
        |list: &Value| list["data"].as_array().is_some_and(|all| all.iter().all(|one| one["state"] == "delivered"));
    let list = server.wait_until("/deliveries?limit=500", all).await;
    assert!(list["data"].as_array().is_some_and(|all| all.len() == 50 && all.iter().all(|one| one["attempts"] == 1)));
    // A stranger comes in too: the one that was silent longest went.
    let answer = server.answer(server.request(reqwest::Method::GET, "/healthz")).await.expect("an answer");
    assert_eq!(answer.status, 200);
}

/// Sets the soft limit of a process that runs.
async fn limit(server: &Server, soft: &str) {
    let pid = server.pid().to_string();
    let set = Command::new("prlimit").args(["--pid", &pid, &format!("--nofile={soft}:")]).status().await;
    assert!(set.expect("prlimit runs").success());
}

#[tokio::test]
async fn an_attempt_that_could_not_be_made_is_none() {
    let options = ServerOptions::default().env("GANCHO_LOG_LEVEL", "error");
    let (server, receiver) = (Server::start(BINARY, options).await, Receiver::start().await);
    let body = json!({"url": receiver.url("/hook"), "events": ["demo.*"], "retry": {"delays_s": []}, "paused": true});
    let endpoint = server.post("/endpoints", body, 201).await;
    let of = format!("/endpoints/{}", endpoint["id"].as_str().expect("an id"));
    server.send("demo.made").await;
    // Our connection to it is open already.
    limit(&server, "5").await;
    server.patch(&of, json!({"paused": false})).await;
    let withdrawn = async {
        loop {
            let metrics = server.request(reqwest::Method::GET, "/metrics").send().await.expect("metrics");
            let metrics = metrics.text().await.expect("text");
            let count = metrics.lines().find_map(|line| line.strip_prefix("gancho_attempts_withdrawn_total "));
            if count.is_some_and(|count| count != "0") {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(gancho_testkit::PATIENCE, withdrawn).await.expect("it was tried");
    let waiting = server.get("/deliveries").await["data"][0].clone();
    assert_eq!((&waiting["state"], &waiting["attempts"]), (&json!("pending"), &json!(0)), "{waiting}");
    assert_eq!(server.get(&of).await["health"]["consecutive_failures"], 0);
    limit(&server, "1000").await;
    receiver.wait_for(1).await;
    let list = server.wait_until("/deliveries", |list| list["data"][0]["state"] == "delivered").await;
    assert_eq!(list["data"][0]["attempts"], 1);
}
