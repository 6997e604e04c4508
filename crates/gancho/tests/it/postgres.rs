//! A server on PostgreSQL: what only that store has. `GANCHO_TEST_DATABASE=postgres` runs all other tests on it, too.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use gancho_testkit::{Database, Engine, Instance, Receiver, Relay, Server, ServerOptions};
use reqwest::Method;
use serde_json::json;
use tokio::sync::watch;

use crate::{
    BINARY,
    nodes::{counting, wait_for_all},
};

fn options(database: &Database) -> ServerOptions {
    ServerOptions::default().env("GANCHO_DATABASE_URL", &database.url).env("GANCHO_LOG_LEVEL", "error")
}

/// Starts the binary on a data dir of its own and waits for its end.
pub async fn refused_on(database_url: &str, data_dir: &std::path::Path) -> (Option<i32>, String) {
    let output = tokio::process::Command::new(BINARY)
        .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
        .arg(data_dir)
        .env("GANCHO_DATABASE_URL", database_url)
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(gancho_testkit::PATIENCE, output).await.expect("it ends").expect("runs");
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[tokio::test]
async fn what_was_accepted_is_there_after_a_restart_and_another_key_is_refused() {
    let mut database = Instance::shared(Engine::Postgres).blank().await;
    // As an account that owns its database, and has no other rights.
    let account = format!("owner_of_{}", database.name);
    database.run(&format!("CREATE ROLE {account} LOGIN; ALTER DATABASE {} OWNER TO {account}", database.name)).await;
    database.url = database.url_as(&account, "unasked");
    let receiver = Receiver::start().await;
    let mut server = Server::start(BINARY, options(&database)).await;
    let webhook = server.add_endpoint(&receiver.url("/"), &["demo.*"]).await;
    let first = server.send("demo.made").await;
    assert_eq!(receiver.wait_for(1).await[0].id(), first);
    let other = server.data_dir().with_file_name("other");
    let (code, said) = refused_on(&database.url, &other).await;
    assert!(!other.join("secret.key").exists(), "the right key can be put there");
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("another secret_key"), "another data dir has another key: {said}");
    // An arrival that is not on disk yet would come again after the kill.
    server.wait_until("/deliveries?state=delivered", |list| list["data"][0]["id"].is_string()).await;
    server.kill().await;
    server.run().await;
    let list = server.get("/endpoints").await;
    assert_eq!(list["data"][0]["id"], webhook["id"]);
    let second = server.send("demo.made").await;
    assert_eq!(receiver.wait_for(2).await[1].id(), second);
    let feed = server.get("/events").await;
    assert_eq!(feed["data"].as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn an_address_that_can_t_be_used_says_why_and_shows_no_password() {
    let dir = tempfile::tempdir().expect("a folder");
    for (url, why) in [
        ("mysql://u:s3cret@127.0.0.1/x", "must be the address of a PostgreSQL database"),
        ("postgres://u:s3cret@127.0.0.1:1/x", "can't be used"),
        ("postgres://u:s3cret@no-such-host.invalid/x", "can't be used"),
    ] {
        let (code, said) = refused_on(url, &dir.path().join("data")).await;
        assert_eq!(code, Some(2), "{url}: {said}");
        assert!(said.contains(why) && !said.contains("s3cret"), "{url}: {said}");
        let causes: Vec<_> = said.trim().split(": ").collect();
        let repeated = causes.iter().enumerate().any(|(n, cause)| causes[..n].contains(cause));
        assert!(!repeated, "the message repeats a cause: {said}");
    }
}

/// The database is killed and started again under load: what was answered 202 arrives, all else is refused.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_dies_and_comes_back_loses_nothing() {
    // It ends with the thread that started it.
    let (sender, made) = std::sync::mpsc::channel::<Instance>();
    let (ask, asked) = std::sync::mpsc::channel::<()>();
    std::thread::spawn(move || {
        let _ = sender.send(Instance::start_durable(Engine::Postgres));
        let _ = asked.recv();
    });
    let mut instance = tokio::task::spawn_blocking(move || made.recv().expect("it starts")).await.expect("waits");
    let database = instance.blank().await;
    let (receiver, came) = counting().await;
    let server = Server::start(BINARY, options(&database)).await;
    server.add_endpoint(&receiver.url("/"), &["demo.*"]).await;
    let load = Load::default();
    let stop = AtomicBool::new(false);
    let faults = async {
        for _ in 0..3 {
            load.wait_for_more(&load.accepted).await;
            instance.kill();
            load.wait_for_more(&load.refused).await;
            instance.run();
        }
        // Accepted again, without anybody's help.
        load.wait_for_more(&load.accepted).await;
        stop.store(true, Ordering::SeqCst);
    };
    let (accepted, ()) = tokio::join!(load.send(&server, &stop), faults);
    wait_for_all(&receiver, &came, &accepted).await;
    drop(ask);
}

/// Events one after the other, and how many were accepted and refused.
#[derive(Default)]
struct Load {
    accepted: watch::Sender<usize>,
    refused: watch::Sender<usize>,
}

impl Load {
    /// Until it is stopped; the ids of those that were accepted.
    async fn send(&self, server: &Server, stop: &AtomicBool) -> Vec<String> {
        let mut ids = vec![];
        while !stop.load(Ordering::SeqCst) {
            let event = json!({"event": "demo.made", "data": {"object": {}}});
            let answer = server.try_call(Method::POST, "/events", event).await.expect("the server lives");
            match answer.status {
                202 => {
                    ids.push(answer.body["id"].as_str().expect("an id").to_owned());
                    self.accepted.send_modify(|count| *count += 1);
                }
                status => {
                    assert_eq!(status, 503, "{}", answer.body);
                    self.refused.send_modify(|count| *count += 1);
                }
            }
        }
        ids
    }

    /// Ten more of these.
    async fn wait_for_more(&self, these: &watch::Sender<usize>) {
        let wanted = *these.borrow() + 10;
        let mut count = these.subscribe();
        let more = count.wait_for(|count| *count >= wanted);
        tokio::time::timeout(gancho_testkit::PATIENCE, more).await.expect("more come").expect("it counts");
    }
}

async fn until_accepted(server: &Server) {
    let body = json!({"event": "demo.made", "data": {"object": {}}});
    let again = async {
        while server.try_call(Method::POST, "/events", body.clone()).await.is_none_or(|answer| answer.status != 202) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(gancho_testkit::PATIENCE, again).await.expect("it accepts again");
}

#[tokio::test]
async fn a_table_that_someone_locks_holds_the_intake_up_only_while_it_is_locked() {
    let database = Instance::shared(Engine::Postgres).blank().await;
    let server = Server::start(BINARY, options(&database)).await;
    let mut operator = database.client().await;
    operator.run("BEGIN; LOCK TABLE meta").await;
    let answer = server.try_call(Method::POST, "/events", json!({"event": "demo.made", "data": {"object": {}}})).await;
    let answer = answer.expect("the server lives");
    assert_eq!(answer.status, 503, "{}", answer.body);
    operator.run("ROLLBACK").await;
    operator.close().await;
    until_accepted(&server).await;
}

/// The process behind the writer's connection stands still, as behind a network that swallows everything.
#[tokio::test]
async fn a_connection_that_hangs_is_given_up() {
    let database = Instance::shared(Engine::Postgres).blank().await;
    let server = Server::start(BINARY, options(&database)).await;
    server.send("demo.made").await;
    let writer = "SELECT pid::bigint FROM pg_stat_activity \
        WHERE datname = current_database() AND application_name = 'gancho writer'";
    let process = database.number(writer).await.to_string();
    let signal = |name: &str| {
        let status = std::process::Command::new("kill").args(["-s", name, &process]).status();
        assert!(status.expect("kill runs").success());
    };
    signal("STOP");
    let answer = server.try_call(Method::POST, "/events", json!({"event": "demo.made", "data": {"object": {}}})).await;
    signal("CONT");
    let answer = answer.expect("the server lives");
    assert_eq!(answer.status, 503, "{}", answer.body);
    until_accepted(&server).await;
}

#[tokio::test]
async fn how_the_database_does_is_measured_and_said() {
    let database = Instance::shared(Engine::Postgres).blank().await;
    let server = Server::start(BINARY, options(&database)).await;
    server.send("demo.made").await;
    let metrics = server.request(Method::GET, "/metrics").send().await.expect("answers").text().await.expect("text");
    assert!(metrics.contains("gancho_database_oldest_snapshot_seconds"), "{metrics}");
    assert!(metrics.contains("gancho_database_rows{table=\"deliveries\",state=\"dead\"}"), "{metrics}");
    let doctor = tokio::process::Command::new(BINARY)
        .args(["doctor", "--data-dir"])
        .arg(server.data_dir())
        .env("GANCHO_DATABASE_URL", &database.url)
        .output();
    let said = String::from_utf8(doctor.await.expect("runs").stdout).expect("text");
    assert!(said.contains("1 node there") && said.contains("no transaction has been open for long"), "{said}");
}

/// The primary is killed under load, and its synchronous standby takes its place at the same address: what was answered 202
/// is there, too, and arrives.
#[tokio::test]
async fn a_standby_that_takes_over_has_everything() {
    let mut primary = Instance::start_durable(Engine::Postgres);
    let database = primary.blank().await;
    let standby = primary.standby().await;
    let relay = Relay::start(primary.port()).await;
    let at = format!("postgres://postgres@127.0.0.1:{}/{}", relay.port(), database.name);
    let options = options(&database).env("GANCHO_DATABASE_URL", at);
    let (receiver, came) = counting().await;
    let server = Server::start(BINARY, options).await;
    server.add_endpoint(&receiver.url("/"), &["demo.*"]).await;
    let load = Load::default();
    let stop = AtomicBool::new(false);
    let failover = async {
        // Connections that are cut now and then.
        for _ in 0..3 {
            load.wait_for_more(&load.accepted).await;
            relay.cut();
        }
        load.wait_for_more(&load.accepted).await;
        primary.kill();
        load.wait_for_more(&load.refused).await;
        standby.promote().await;
        relay.point_to(standby.port());
        relay.cut();
        load.wait_for_more(&load.accepted).await;
        stop.store(true, Ordering::SeqCst);
    };
    let (accepted, ()) = tokio::join!(load.send(&server, &stop), failover);
    wait_for_all(&receiver, &came, &accepted).await;
    let feed = server.get("/events?after=0&limit=500").await;
    let numbers: Vec<u64> =
        feed["data"].as_array().expect("a list").iter().filter_map(|one| one["sequence"].as_u64()).collect();
    assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>(), "without a hole");
}
