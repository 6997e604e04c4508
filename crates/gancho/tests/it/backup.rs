//! A copy of the database, made while it is written, and put back.

use std::{
    os::unix::fs::MetadataExt as _,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
};

use gancho_testkit::{Receiver, Respond, Server, ServerOptions};
use serde_json::{Value, json};
use tokio::process::Command;

use crate::{BINARY, server, settings::refused};

async fn gancho(args: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(BINARY).args(args).output().await.expect("runs");
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&said).into_owned())
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path")
}

/// Sends until it is stopped; the ids of what was accepted.
async fn send(server: &Server, stop: &AtomicBool) -> Vec<String> {
    let mut ids = vec![];
    while !stop.load(Ordering::SeqCst) {
        ids.push(server.send("demo.made").await);
    }
    ids
}

fn ids_of(feed: &Value) -> Vec<String> {
    let all = feed["data"].as_array().cloned().unwrap_or_default();
    all.iter().filter_map(|one| one["id"].as_str().map(ToOwned::to_owned)).collect()
}

/// Every event, page by page.
async fn all_events(server: &Server) -> Vec<String> {
    let (mut all, mut after) = (vec![], "0".to_owned());
    loop {
        let page = server.get(&format!("/events?limit=500&after={after}")).await;
        let ids = ids_of(&page);
        if ids.is_empty() {
            return all;
        }
        all.extend(ids);
        after = page["next"].as_str().expect("a cursor").to_owned();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_made_under_load_holds_all_that_was_accepted_before_it() {
    let mut one = server().await;
    let receiver = Receiver::start().await;
    let webhook = one.add_endpoint(&receiver.url("/"), &["demo.*"]).await;
    let before: Vec<String> = [one.send("demo.made").await, one.send("demo.made").await].into();
    let folder = tempfile::tempdir().expect("a folder");
    let (file, data) = (folder.path().join("copy.db"), one.data_dir());
    let stop = AtomicBool::new(false);
    let copying = async {
        let done = gancho(&["backup", text(&file), "--with-key", "--data-dir", text(&data)]).await;
        stop.store(true, Ordering::SeqCst);
        done
    };
    let (during, (code, said)) = tokio::join!(send(&one, &stop), copying);
    assert_eq!(code, Some(0), "{said}");
    for copied in [&file, &folder.path().join("copy.db.key")] {
        assert_eq!(std::fs::metadata(copied).expect("is there").mode() & 0o777, 0o600, "nobody else reads it");
    }
    assert!(one.stop().await == Some(0) && !during.is_empty());

    let (code, said) = gancho(&["backup", text(&file), "--data-dir", text(&data)]).await;
    assert!(code == Some(1) && said.contains("is there already"), "{said}");
    let (code, said) = gancho(&["restore", text(&file), "--data-dir", text(&data)]).await;
    assert!(code == Some(2) && said.contains("move it away"), "a database is not overwritten: {said}");
    let restored = Server::start_on(BINARY, ServerOptions::default(), |data| {
        let done = std::process::Command::new(BINARY).args(["restore", text(&file), "--data-dir", text(data)]).output();
        let done = done.expect("runs");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    })
    .await;
    let events = all_events(&restored).await;
    assert!(before.iter().all(|id| events.contains(id)));
    // As of one moment: the first so many of those that came meanwhile.
    let known: Vec<String> = before.iter().chain(&during).cloned().collect();
    assert_eq!(events, known[..events.len()]);
    let path = format!("/endpoints/{}", webhook["id"].as_str().expect("an id"));
    let secret = restored.get(&format!("{path}/secret")).await;
    assert_eq!(secret["secret"], webhook["secret"], "what was sealed is opened");
    let next = restored.send("demo.made").await;
    receiver.wait_until("what is new arrives", |all| all.iter().any(|one| one.id() == next)).await;
}

/// A copy that is tried out takes nothing from the ERP and sends nothing to receivers, not even what waited in it.
#[tokio::test]
async fn a_copy_is_tried_out_beside_the_original() {
    let one = server().await;
    let receiver = Receiver::with(|_| Respond::status(500)).await;
    let retry = json!({"url": receiver.url("/"), "events": ["demo.*"], "retry": {"delays_s": [1, 1, 1, 1, 1]}});
    let webhook = one.post("/endpoints", retry, 201).await;
    let source = one.post("/sources", json!({"kind": "plugin", "name": "Tienda"}), 201).await;
    one.send("demo.made").await;
    receiver.wait_for(1).await;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("copy.db");
    let (code, printed) = gancho(&["backup", text(&file), "--with-key", "--data-dir", text(&one.data_dir())]).await;
    assert_eq!(code, Some(0), "{printed}");
    drop(one);
    receiver.forget();
    let copy = Server::start_on(BINARY, ServerOptions::default(), |data| {
        let restore = ["restore", text(&file), "--paused", "--data-dir", text(data)];
        let done = std::process::Command::new(BINARY).args(restore).output().expect("runs");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    })
    .await;
    let id = |of: &serde_json::Value| of["id"].as_str().expect("an id").to_owned();
    let endpoint = copy.get(&format!("/endpoints/{}", id(&webhook))).await;
    assert!(endpoint["paused"] == true && endpoint["health"]["pending"] == 1, "{endpoint}");
    assert_eq!(copy.get(&format!("/sources/{}", id(&source))).await["paused"], true);
    // Resumed, it sends what waited: until then nothing came.
    assert_eq!(receiver.received().len(), 0);
    copy.patch(&format!("/endpoints/{}", id(&webhook)), json!({"paused": false})).await;
    receiver.wait_for(1).await;
}

#[tokio::test]
async fn what_is_no_copy_or_has_no_key_is_not_put_back() {
    let mut one = server().await;
    one.send("demo.made").await;
    let (folder, data) = (tempfile::tempdir().expect("a folder"), one.data_dir());
    let (file, other) = (folder.path().join("copy.db"), folder.path().join("other"));
    let (code, said) = gancho(&["backup", text(&file), "--data-dir", text(&data)]).await;
    assert!(code == Some(0) && said.contains("secret.key"), "it says what is missing: {said}");
    one.stop().await;
    let restore = |file: &Path, says: &str| refused(&["restore", text(file), "--data-dir", text(&other)], &[], says);
    restore(&file, "the key is missing");
    let key = std::process::Command::new(BINARY).args(["key", "new"]).output().expect("runs").stdout;
    std::fs::write(folder.path().join("copy.db.key"), key).expect("written");
    restore(&file, "another secret_key");
    // Another copy, tried next, brings a key of its own.
    assert!(!other.join("gancho.db").exists() && !other.join("secret.key").exists(), "nothing is left half done");
    std::fs::copy(data.join("secret.key"), folder.path().join("copy.db.key")).expect("copied");
    std::fs::write(folder.path().join("text.db"), "no database").expect("written");
    std::fs::copy(data.join("secret.key"), folder.path().join("text.db.key")).expect("copied");
    let (code, said) = gancho(&["restore", text(&folder.path().join("text.db")), "--data-dir", text(&other)]).await;
    assert!(code == Some(1) && said.contains("no sound database"), "{said}");
    let (code, said) = gancho(&["restore", text(&file), "--data-dir", text(&other)]).await;
    assert_eq!(code, Some(0), "{said}");
    refused(&["backup", text(&file), "--database-url", "postgres://127.0.0.1:1/x"], &[], "pg_dump");
    refused(&["backup", text(&file), "--data-dir", text(&folder.path().join("nothing"))], &[], "there is no database");
}
