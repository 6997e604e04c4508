//! The commands, as a person types them.

use std::process::Stdio;

use gancho_testkit::{Receiver, Respond, Server};
use serde_json::Value;
use tokio::{io::AsyncWriteExt, process::Command};

use crate::{BINARY, server};

pub(crate) struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Ran {
    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|_| panic!("JSON: {} {}", self.out, self.err))
    }
}

pub(crate) async fn run(server: &Server, args: &[&str], input: &str) -> Ran {
    let mut child = Command::new(BINARY)
        .args(args)
        .current_dir(server.dir())
        .env("GANCHO_SERVER", server.base())
        .env("GANCHO_TOKEN", "test-admin-token")
        .envs(server.environment())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("runs");
    let mut stdin = child.stdin.take().expect("its input");
    // A command that reads nothing may be gone already.
    let _ = stdin.write_all(input.as_bytes()).await;
    drop(stdin);
    let output = child.wait_with_output().await.expect("ends");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    Ran { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
}

#[tokio::test]
async fn a_webhook_from_first_to_last() {
    let (server, receiver) = (server().await, Receiver::start().await);
    let url = receiver.url("/hook");
    let added = run(
        &server,
        &["endpoint", "add", &url, "--events", "demo.*", "invoice.paid", "--name", "Tienda", "--json"],
        "",
    )
    .await;
    let added = added.json();
    let id = added["id"].as_str().expect("an id").to_owned();
    assert_eq!(added["events"], serde_json::json!(["demo.*", "invoice.paid"]));
    let secret = added["secret"].as_str().expect("a secret").to_owned();

    let sent = run(&server, &["event", "send", "demo.made", "--data", "-"], r#"{"codigo": "FAC1"}"#).await;
    assert_eq!(sent.code, 0, "{}", sent.err);
    let received = receiver.wait_for(1).await.remove(0);
    assert_eq!(received.json()["data"]["object"]["codigo"], "FAC1");
    assert_eq!(received.id(), sent.out.trim());

    let body = String::from_utf8(received.body.to_vec()).expect("text");
    let signature = received.header("x-webhook-signature");
    let good = run(&server, &["verify", "--secret", &secret, "--signature", signature], &body).await;
    assert_eq!(good.code, 0, "{}", good.err);
    let standard = [
        "verify",
        "--secret",
        &secret,
        "--signature",
        received.header("webhook-signature"),
        "--id",
        received.id(),
        "--timestamp",
        received.header("webhook-timestamp"),
    ];
    assert_eq!(run(&server, &standard, &body).await.code, 0);
    let bad = run(&server, &["verify", "--secret", &secret, "--signature", signature], &format!("{body}\n")).await;
    assert_eq!(bad.code, 1);
    assert!(bad.err.contains("without the line end"), "{}", bad.err);

    changes_and_ends(&server, &receiver, &id, &secret).await;
}

async fn changes_and_ends(server: &Server, receiver: &Receiver, id: &str, secret: &str) {
    let list = run(server, &["endpoint", "list"], "").await;
    assert!(list.out.contains("Tienda") && list.out.contains(id), "{}", list.out);
    for (verb, field, value) in [
        ("pause", "paused", true),
        ("resume", "paused", false),
        ("disable", "enabled", false),
        ("enable", "enabled", true),
    ] {
        let changed = run(server, &["endpoint", verb, id, "--json"], "").await.json();
        assert_eq!(changed[field], value, "{verb}");
    }
    let tested = run(server, &["endpoint", "test", id, "--event", "invoice.paid", "--json"], "").await;
    assert_eq!((tested.code, &tested.json()["state"]), (0, &Value::from("delivered")));
    receiver.behave(|_| Respond::status(500));
    let tested = run(server, &["endpoint", "test", id], "").await;
    assert_eq!(tested.code, 1);
    assert!(tested.err.contains("500"), "{}", tested.err);
    server.send("invoice.paid").await;
    server.wait_until(&format!("/endpoints/{id}"), |one| one["health"]["consecutive_failures"] == 1).await;
    for command in [&["endpoint", "list"][..], &["endpoint", "show", id]] {
        let shown = run(server, command, "").await;
        assert!(shown.out.contains("unsteady"), "the word of the pages: {}", shown.out);
    }
    let add = ["endpoint", "add", "https://shop.example.com/hook", "--events", "invoces.created,endpoint.*,own.thing"];
    let mistyped = run(server, &add, "").await;
    let warned: Vec<&str> = mistyped.err.lines().filter(|line| line.contains("no event of the catalogue")).collect();
    assert_eq!((mistyped.code, warned.len()), (0, 2), "{}", mistyped.err);
    assert!(warned[0].contains("invoces.created"), "{}", mistyped.err);
    let deliveries =
        run(server, &["delivery", "list", "--endpoint", id, "--state", "failed", "--json"], "").await.json();
    let delivery = deliveries[0]["id"].as_str().expect("one failed").to_owned();
    let listed = run(server, &["delivery", "list", "--endpoint", id, "--state", "failed"], "").await;
    assert!(listed.out.contains(" (test)") && listed.out.contains(&delivery), "whole in a pipe: {}", listed.out);
    assert_eq!(
        run(server, &["delivery", "show", &delivery, "--json"], "").await.json()["attempts"][0]["status_code"],
        500
    );
    assert_eq!(run(server, &["delivery", "retry", &delivery, "--json"], "").await.json()["state"], "pending");
    let rotated = run(server, &["endpoint", "rotate-secret", id, "--overlap-s", "0", "--json"], "").await.json();
    assert_ne!(rotated["secret"], secret);
    assert_eq!(run(server, &["endpoint", "remove", id], "").await.code, 0);
    let gone = run(server, &["endpoint", "show", id], "").await;
    assert_eq!(gone.code, 3);
    assert!(gone.err.contains("404"), "{}", gone.err);
    assert_eq!(run(server, &["endpoint", "frobnicate"], "").await.code, 2);
}

#[tokio::test]
async fn people_and_tokens_while_the_server_runs() {
    let server = server().await;
    let data = server.data_dir();
    let data = data.to_str().expect("a path");
    let made = run(&server, &["token", "create", "--name", "script", "--scope", "read", "--data-dir", data], "").await;
    assert_eq!(made.code, 0, "{}", made.err);
    let token = made.out.trim();
    assert_eq!(made.out, format!("{token}\n"), "the token alone");
    server.call_as(token, reqwest::Method::GET, "/endpoints", None).await.expect(200);

    let add = ["user", "add", "ana", "--role", "admin", "--data-dir", data];
    let added = run(&server, &add, "correct horse battery\n").await;
    assert_eq!(added.code, 0, "{}", added.err);
    let again = run(&server, &add, "correct horse battery\n").await;
    assert_eq!(again.code, 1);
    assert!(again.err.contains("already"), "{}", again.err);
    let short = run(&server, &["user", "add", "luis", "--role", "viewer", "--data-dir", data], "short\n").await;
    assert_eq!(short.code, 1);
    assert!(!short.err.contains("short\n") && short.err.contains("10 to"), "{}", short.err);
}

#[tokio::test]
async fn sources_and_events() {
    let server = server().await;
    let added = run(&server, &["source", "add", "plugin", "--name", "Mi ERP", "--json"], "").await.json();
    let id = added["id"].as_str().expect("an id").to_owned();
    let check = run(&server, &["source", "check", &id], "").await;
    assert_eq!(check.code, 1);
    assert!(check.out.contains("no change was received yet"), "{}", check.out);
    let token = added["token"].as_str().expect("a token");
    let change = serde_json::json!({"changes": [{"model": "Cliente", "operation": "insert", "key": 1, "after": {"codcliente": "1"}}]});
    server.call_as(token, reqwest::Method::POST, "/changes", Some(change)).await.expect(202);
    assert_eq!(run(&server, &["source", "check", &id], "").await.code, 0);
    let shown = run(&server, &["source", "show", &id], "").await;
    assert!(shown.out.contains("Mi ERP") && shown.out.contains("ok"), "{}", shown.out);
    assert!(!shown.out.contains(token), "{}", shown.out);
    let paused = run(&server, &["source", "pause", &id, "--json"], "").await.json();
    assert_eq!((&paused["state"], &paused["paused"]), (&"paused".into(), &true.into()));
    assert_eq!(run(&server, &["source", "resume", &id, "--json"], "").await.json()["state"], "ok");
    assert_eq!(run(&server, &["source", "show", "src_00000000000000000000000000"], "").await.code, 3);
    let events =
        run(&server, &["event", "list", "--types", "customer.*", "--object", "Cliente:1", "--json"], "").await.json();
    let event = events[0]["id"].as_str().expect("one").to_owned();
    assert_eq!(run(&server, &["event", "show", &event, "--json"], "").await.json()["event"], "customer.created");
    assert_eq!(run(&server, &["source", "remove", &id], "").await.code, 0);
    let nobody = run(&server, &["--help"], "").await;
    assert!(nobody.out.contains("serve"));
}

/// As `run`, with only what a person on the server's machine has: its data dir.
async fn run_locally(server: &Server, args: &[&str]) -> Ran {
    let data = server.data_dir();
    let output = Command::new(BINARY)
        .args(args)
        .args(["--data-dir", data.to_str().expect("a path")])
        .current_dir(server.dir())
        .envs(server.environment())
        .env_remove("GANCHO_SERVER")
        .env_remove("GANCHO_TOKEN")
        .output()
        .await
        .expect("runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    Ran { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
}

#[tokio::test]
async fn this_machine_s_server_is_found_and_needs_no_token() {
    let mut server = server().await;
    server.add_endpoint("https://example.com/hook", &["*"]).await;
    let list = run_locally(&server, &["endpoint", "list"]).await;
    assert!(list.code == 0 && list.out.contains("example.com"), "{} {}", list.out, list.err);
    let file = server.data_dir().join("server.json");
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&file).expect("is there").permissions());
    assert_eq!(mode & 0o777, 0o600);
    // Its key is for no other server.
    let elsewhere = Receiver::start().await;
    run_locally(&server, &["endpoint", "list", "--server", elsewhere.url("").trim_end_matches('/')]).await;
    assert!(!elsewhere.wait_for(1).await.remove(0).headers.contains_key("authorization"));
    server.stop().await;
    assert!(!file.exists(), "it goes with the server");
    assert_eq!(run_locally(&server, &["endpoint", "list", "--server", server.base()]).await.code, 5);
}

#[tokio::test]
async fn exit_codes_say_what_went_wrong() {
    let server = server().await;
    let nothing = "ep_00000000000000000000000000";
    assert_eq!(run(&server, &["endpoint", "add", "https://10.0.0.1/", "--events", "*"], "").await.code, 1);
    assert_eq!(run(&server, &["endpoint", "add", "https://example.com/"], "").await.code, 2, "which events?");
    assert_eq!(run(&server, &["delivery", "list", "--since", "soon"], "").await.code, 2);
    assert_eq!(run(&server, &["endpoint", "show", nothing], "").await.code, 3);
    assert_eq!(run(&server, &["endpoint", "list", "--token", "wrong"], "").await.code, 4);
    assert_eq!(run(&server, &["endpoint", "list", "--server", "http://127.0.0.1:9"], "").await.code, 5);
    let slip = run(&server, &["endpoint", "add", "https://example.com/", "--events", "invoice.payed"], "").await;
    assert!(slip.code == 1 && slip.err.contains("did you mean invoice.paid?"), "{}", slip.err);
}

#[tokio::test]
async fn a_webhook_is_changed_and_what_waits_cancelled() {
    let server = server().await;
    let endpoint = server.add_endpoint("https://example.com/hook", &["demo.*"]).await;
    let id = endpoint["id"].as_str().expect("an id");
    let update = ["endpoint", "update", id, "--name", "Tienda", "--retry", "7,70", "--header", "X-A: b", "--json"];
    let updated = run(&server, &update, "").await.json();
    assert_eq!(
        (&updated["name"], &updated["retry"]["delays_s"]),
        (&Value::from("Tienda"), &serde_json::json!([7, 70]))
    );
    assert_eq!(updated["events"], serde_json::json!(["demo.*"]), "what was not given stays");
    assert_eq!(run(&server, &["endpoint", "update", id], "").await.code, 2);
    let secret = run(&server, &["endpoint", "secret", id, "--json"], "").await.json();
    assert_eq!(secret["secret"], endpoint["secret"]);
    let bare = run(&server, &["endpoint", "secret", id], "").await;
    assert_eq!(bare.out.trim(), endpoint["secret"], "alone, for scripts");
    let idle = run(&server, &["endpoint", "retry", id], "").await;
    assert!(idle.out.contains("nothing waits") && idle.out.contains("endpoint test"), "{}", idle.out);
    run(&server, &["endpoint", "pause", id], "").await;
    server.send("demo.made").await;
    let waiting = run(&server, &["delivery", "list", "--since", "1h", "--types", "demo.*", "--json"], "").await.json();
    let delivery = waiting[0]["id"].as_str().expect("one waits").to_owned();
    assert_eq!(run(&server, &["delivery", "cancel", &delivery, "--json"], "").await.json()["state"], "cancelled");
    assert_eq!(run(&server, &["delivery", "cancel", &delivery], "").await.code, 1, "it does not wait any more");
    let types = run(&server, &["event", "types"], "").await;
    assert!(types.out.contains("invoice.paid") && types.out.contains("Customer invoice paid"), "{}", types.out);
    let completions = run(&server, &["completions", "bash"], "").await;
    assert!(completions.out.contains("gancho__subcmd__endpoint") || completions.out.contains("gancho__endpoint"));
}

#[tokio::test]
async fn people_are_listed_changed_and_removed() {
    let server = server().await;
    let data = server.data_dir();
    let data = data.to_str().expect("a path");
    for name in ["ana", "eva"] {
        let add = ["user", "add", name, "--role", "admin", "--data-dir", data];
        assert_eq!(run(&server, &add, "correct horse battery\n").await.code, 0);
    }
    let list = run(&server, &["user", "list", "--data-dir", data], "").await;
    assert!(list.out.contains("ana") && list.out.contains("eva") && !list.out.contains("argon2"), "{}", list.out);
    let passwd = ["user", "passwd", "eva", "--data-dir", data];
    assert_eq!(run(&server, &passwd, "another horse battery\n").await.code, 0);
    assert_eq!(run(&server, &["user", "remove", "eva", "--data-dir", data], "").await.code, 0);
    assert_eq!(run(&server, &["user", "remove", "eva", "--data-dir", data], "").await.code, 3);
    let last = run(&server, &["user", "remove", "ana", "--data-dir", data], "").await;
    assert!(last.code == 1 && last.err.contains("last administrator"), "{}", last.err);
    let token = ["token", "create", "--name", "script", "--data-dir", data];
    assert_eq!(run(&server, &token, "").await.code, 0);
}

#[tokio::test]
async fn a_sample_goes_wherever_its_type_is_asked_for() {
    let (server, receiver) = (server().await, Receiver::start().await);
    for (path, events) in [("/a", "invoice.*"), ("/b", "*"), ("/c", "customer.*")] {
        server.add_endpoint(&receiver.url(path), &[events]).await;
    }
    let sent = run(&server, &["trigger", "invoice.paid", "--count", "2"], "").await;
    assert_eq!((sent.code, sent.out.lines().count()), (0, 4), "{} {}", sent.out, sent.err);
    assert!(sent.out.lines().all(|line| line.starts_with("delivered") && line.contains("200 in")), "{}", sent.out);
    let mut paths: Vec<String> = receiver.received().iter().map(|one| one.path.clone()).collect();
    paths.sort();
    assert_eq!(paths, ["/a", "/a", "/b", "/b"]);
    assert!(receiver.received().iter().all(|one| one.json()["test"] == true && one.json()["event"] == "invoice.paid"));
    let own = r#"{"object": {"codigo": "PROPIA"}}"#;
    assert_eq!(run(&server, &["trigger", "invoice.paid", "--data", "-"], own).await.code, 0);
    let of_own =
        |all: &[gancho_testkit::Received]| all.iter().any(|one| one.json()["data"]["object"]["codigo"] == "PROPIA");
    receiver.wait_until("its own data", of_own).await;
    assert_eq!(run(&server, &["trigger", "invoice.paid", "--data", "-"], "no JSON").await.code, 2);
    // The URL may stand last; a webhook that refuses the sample keeps it from no other.
    let other = receiver.url("/other");
    let add = ["endpoint", "add", "--name", "Rara", "--template", "-", "--events", "invoice.paid", &other];
    assert_eq!(run(&server, &add, "{{ data.object.nothing.at_all }}").await.code, 0);
    let before = receiver.received().len();
    let sent = run(&server, &["trigger", "invoice.paid"], "").await;
    assert!(sent.code == 1 && sent.out.contains("refused") && sent.out.contains("Rara"), "{} {}", sent.out, sent.err);
    assert_eq!(receiver.received().len(), before + 2);
    let missing = run(&server, &["endpoint", "add", "--events", "invoice.paid"], "").await;
    assert!(missing.code == 2 && missing.err.contains("URL"), "{}", missing.err);
    let slip = run(&server, &["trigger", "invoice.payed"], "").await;
    assert_eq!(slip.code, 1);
    assert!(slip.err.contains("invoice.paid"), "the nearest is named: {}", slip.err);
    let nobody = run(&server, &["trigger", "stock.low", "--endpoint", "ep_00000000000000000000000000"], "").await;
    assert_eq!(nobody.code, 3, "{}", nobody.err);
    receiver.behave(|_| Respond::status(500));
    assert_eq!(run(&server, &["trigger", "product.created"], "").await.code, 1, "what does not arrive is no success");
}

/// Going back is not possible: it says where the consumer really is.
#[tokio::test]
async fn a_consumer_s_position_is_told_as_it_is() {
    let server = server().await;
    run(&server, &["consumer", "add", "libros"], "").await;
    for _ in 0..3 {
        server.send("demo.made").await;
    }
    for sequence in ["3", "1"] {
        let told = run(&server, &["consumer", "ack", "libros", sequence], "").await;
        assert_eq!((told.code, told.out.trim()), (0, "libros is at 3"), "{}", told.err);
    }
}

#[tokio::test]
async fn a_bin_shows_what_a_webhook_sends() {
    let server = server().await;
    let made = run(&server, &["bin", "create", "--status", "201", "--every", "3", "--json"], "").await.json();
    let (id, url) = (made["id"].as_str().expect("an id"), made["url"].as_str().expect("a URL"));
    server.add_endpoint(url, &["demo.*"]).await;
    server.send("demo.made").await;
    server.wait_until("/deliveries?state=delivered", |page| page["data"][0].is_object()).await;
    let shown = run(&server, &["bin", "show", id], "").await;
    assert_eq!(shown.code, 0, "{}", shown.err);
    for part in ["#1  POST", "signature right", "x-webhook-event: demo.made", "\"event\":\"demo.made\""] {
        assert!(shown.out.contains(part), "{part} in {}", shown.out);
    }
    assert!(run(&server, &["bin", "list"], "").await.out.contains("201, 1 in 3"));
    assert_eq!(run(&server, &["bin", "remove", id], "").await.code, 0);
    assert_eq!(run(&server, &["bin", "show", id], "").await.code, 3);
    let wrong = run(&server, &["endpoint", "remove", "../bins/x"], "").await;
    assert_eq!(wrong.code, 2, "an id leads nowhere else: {}", wrong.err);
}

#[tokio::test]
async fn a_replay_of_one_record_is_followed_to_its_end() {
    let (server, receiver) = (server().await, Receiver::start().await);
    let webhook = server.add_endpoint(&receiver.url("/"), &["customer.*"]).await;
    let source = server.post("/sources", serde_json::json!({"kind": "plugin", "name": "ERP"}), 201).await;
    let token = source["token"].as_str().expect("a token");
    for key in ["1", "2"] {
        let change =
            serde_json::json!({"model": "Cliente", "operation": "insert", "key": key, "after": {"codcliente": key}});
        let changes = serde_json::json!({"changes": [change]});
        server.call_as(token, reqwest::Method::POST, "/changes", Some(changes)).await.expect(202);
    }
    receiver.wait_for(2).await;
    let id = webhook["id"].as_str().expect("an id");
    let args = ["replay", "--endpoint", id, "--since", "1h", "--all", "--object", "Cliente:2", "--follow"];
    let ran = run(&server, &args, "").await;
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.out.starts_with("1 are sent again"), "{}", ran.out);
    assert!(ran.out.trim_end().ends_with("1 delivered, 0 failed, 0 waiting"), "{}", ran.out);
    assert_eq!(receiver.wait_for(3).await[2].json()["data"]["object"]["codcliente"], "2");
}
