//! Everything is moved from SQLite to PostgreSQL and back.

use std::path::Path;

use gancho_testkit::{Database, Engine, Instance, Receiver, Respond, Server, ServerOptions};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::BINARY;

const KEY: &str = "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=";

fn options() -> ServerOptions {
    ServerOptions::default().env("GANCHO_SECRET_KEY", KEY).env("GANCHO_LOG_LEVEL", "error")
}

fn options_on(database: &Database) -> ServerOptions {
    options().env("GANCHO_DATABASE_URL", &database.url)
}

async fn migrate(from: &str, to: &str) -> (Option<i32>, String) {
    let mut command = Command::new(BINARY);
    command.args(["migrate", "--from", from, "--to", to, "--data-dir", "/"]).env("GANCHO_SECRET_KEY", KEY);
    let output = command.output().await.expect("runs");
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&said).into_owned())
}

fn sqlite(dir: &Path) -> String {
    format!("sqlite:{}", dir.display())
}

/// Something of everything, and deliveries in several states.
async fn fill(server: &Server, receiver: &Receiver, failing: &Receiver) {
    server.add_endpoint(&receiver.url("/"), &["demo.*"]).await;
    let refused = server.add_endpoint(&failing.url("/"), &["demo.*"]).await;
    for n in 0..450 {
        let event = json!({"event": "demo.made", "data": {"object": {"n": n, "text": "año\u{0}€"}}});
        server.post("/events", event, 202).await;
    }
    receiver.wait_for(450).await;
    server.wait_until("/endpoints", |list| list["data"][1]["health"]["state"] == "failing").await;
    server.post("/consumers", json!({"name": "reader"}), 201).await;
    server.post("/bins", json!({}), 201).await;
    server.post("/tokens", json!({"name": "reads", "scope": "read"}), 201).await;
    server.post("/sources", json!({"kind": "plugin", "name": "ERP"}), 201).await;
    server.patch(&format!("/endpoints/{}", refused["id"].as_str().expect("an id")), json!({"paused": true})).await;
}

/// An empty database, and a server on SQLite that has something of everything.
async fn filled() -> (Database, Receiver, Server) {
    let database = Instance::shared(Engine::Postgres).blank().await;
    let (receiver, failing) = (Receiver::start().await, Receiver::with(|_| Respond::status(503)).await);
    let one = Server::start(BINARY, options()).await;
    fill(&one, &receiver, &failing).await;
    (database, receiver, one)
}

/// What people see, apart from what goes on changing.
async fn seen(server: &Server) -> Vec<Value> {
    let mut all = vec![];
    for path in [
        "/events?after=0&limit=500",
        "/deliveries?limit=500",
        "/deliveries?state=pending&limit=500",
        "/endpoints",
        "/consumers",
        "/bins",
        "/tokens",
        "/sources",
    ] {
        let mut page = server.get(path).await;
        for one in page["data"].as_array_mut().into_iter().flatten() {
            // A start plans anew, by the clock of the other database; bins are named by the server's port.
            for changing in ["next_attempt_at", "waiting_for", "url"] {
                one.as_object_mut().expect("an object").remove(changing);
            }
        }
        all.push(page);
    }
    all
}

#[tokio::test]
async fn everything_is_there_after_moving_to_postgresql_and_back() {
    let (database, receiver, mut one) = filled().await;
    let (code, said) = migrate(&sqlite(&one.data_dir()), &database.url).await;
    assert!(code == Some(2) && said.contains("another gancho serve"), "{said}");
    let before = seen(&one).await;
    assert_eq!(one.stop().await, Some(0));
    let (code, said) = migrate(&sqlite(&one.data_dir()), &database.url).await;
    assert_eq!(code, Some(0), "{said}");

    let mut two = Server::start(BINARY, options_on(&database)).await;
    assert_eq!(seen(&two).await, before);
    // Commands that don't know where its data are now would work on what was left behind.
    let dir = two.data_dir().display().to_string();
    std::fs::copy(one.data_dir().join("gancho.db"), two.data_dir().join("gancho.db")).expect("copied");
    for command in [&["user", "list"][..], &["token", "create", "--name", "x"], &["backup", "copy.db"]] {
        let done = std::process::Command::new(BINARY).args(command).args(["--data-dir", &dir]).output().expect("runs");
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(done.status.code() == Some(2) && said.contains("GANCHO_DATABASE_URL"), "{command:?}: {said}");
    }
    std::fs::remove_file(two.data_dir().join("gancho.db")).expect("removed");
    let (code, said) = migrate(&sqlite(&one.data_dir()), &database.url).await;
    assert!(code == Some(1) && said.contains("a server works on"), "{said}");
    let nowhere = tempfile::tempdir().expect("a folder");
    let (code, said) = migrate(&database.url, &sqlite(nowhere.path())).await;
    assert!(code == Some(1) && said.contains("a server works on"), "{said}");
    assert!(!nowhere.path().join("gancho.db").exists(), "a refused copy leaves no database to start on");
    // It goes on after the last number, and delivers what waited.
    let last = before[0]["data"].as_array().and_then(|all| all.last()?["sequence"].as_u64()).expect("a number");
    receiver.forget();
    let next = two.send("demo.made").await;
    assert_eq!(receiver.wait_for(1).await[0].header("x-webhook-sequence"), (last + 1).to_string());
    assert_eq!(receiver.received()[0].id(), next);
    two.wait_until("/deliveries?state=pending", |page| page["data"].as_array().is_some_and(|all| !all.is_empty()))
        .await;
    assert_eq!(two.stop().await, Some(0));
    let (code, said) = migrate(&sqlite(&one.data_dir()), &database.url).await;
    assert!(code == Some(1) && said.contains("copy into an empty one"), "{said}");

    let folder = tempfile::tempdir().expect("a folder");
    let (code, said) = migrate(&database.url, &sqlite(&folder.path().join("back"))).await;
    assert_eq!(code, Some(0), "{said}");
    let three = Server::start_on(BINARY, options(), |data| {
        std::fs::rename(folder.path().join("back"), data).expect("moved");
    })
    .await;
    let feed = three.get(&format!("/events?after={last}")).await;
    assert_eq!(feed["data"][0]["id"], next.as_str());
    receiver.forget();
    three.send("demo.made").await;
    assert_eq!(receiver.wait_for(1).await[0].header("x-webhook-sequence"), (last + 2).to_string());
    let pending = three.call(Method::GET, "/deliveries?state=pending&limit=500", None).await.expect(200);
    assert!(pending["data"].as_array().is_some_and(|all| all.len() >= 450));
}

#[tokio::test]
async fn what_was_broken_off_goes_on_and_nobody_works_on_it_meanwhile() {
    let (database, _receiver, mut one) = filled().await;
    let before = seen(&one).await;
    one.stop().await;
    // The tables are made, and one of them takes no more than one page.
    let mut none = Server::start(BINARY, options_on(&database)).await;
    none.stop().await;
    let forbid = "CREATE FUNCTION full() RETURNS trigger LANGUAGE plpgsql AS \
        'BEGIN IF (SELECT count(*) FROM deliveries) > 0 THEN RAISE EXCEPTION ''full''; END IF; RETURN NULL; END'; \
        CREATE TRIGGER full_now BEFORE INSERT ON deliveries FOR EACH STATEMENT EXECUTE PROCEDURE full()";
    database.run(&forbid.replace("full()", "is_full()")).await;
    let (code, said) = migrate(&sqlite(&one.data_dir()), &database.url).await;
    assert!(code == Some(1) && said.contains("goes on from there"), "{said}");
    assert!(!none.try_run().await, "nobody works on half of it");
    database.run("DROP TRIGGER full_now ON deliveries").await;
    let there = database.number("SELECT count(*) FROM deliveries").await;
    assert!(there > 0);
    let (code, said) = migrate(&sqlite(&one.data_dir()), &database.url).await;
    assert!(code == Some(0) && said.contains(&format!("copying deliveries: {there} of ")), "{said}");
    let two = Server::start(BINARY, options_on(&database)).await;
    assert_eq!(seen(&two).await, before);
}
