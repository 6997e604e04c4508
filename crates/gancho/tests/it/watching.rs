//! What an operator sees: metrics, logs, the doctor.

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

use gancho_testkit::{Receiver, Respond, Server, ServerOptions};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{BINARY, server};

async fn metrics(server: &Server) -> String {
    let url = format!("{}/metrics", server.base());
    reqwest::get(url).await.expect("answers").text().await.expect("text")
}

/// The sum of a metric's lines that contain this text.
fn value(text: &str, name: &str, part: &str) -> f64 {
    let lines = text.lines().filter(|line| line.starts_with(name) && line.contains(part));
    lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
}

#[tokio::test]
async fn metrics_count_what_happens() {
    let server = server().await;
    let good = Receiver::start().await;
    let bad = Receiver::with(|_| Respond::status(500)).await;
    server.add_endpoint(&good.url("/hook?token=hush"), &["demo.*"]).await;
    let failing = json!({"url": bad.url("/hook"), "events": ["demo.*"], "retry": {"delays_s": [0, 3600]}});
    let failing = server.post("/endpoints", failing, 201).await;
    for _ in 0..3 {
        server.send("demo.made").await;
    }
    let of = format!("/deliveries?endpoint={}", failing["id"].as_str().expect("an id"));
    let twice = |list: &Value| list["data"].as_array().is_some_and(|all| all.iter().all(|one| one["attempts"] == 2));
    server.wait_until(&of, twice).await;
    server.wait_until("/deliveries?state=delivered", |list| list["data"].as_array().map(Vec::len) == Some(3)).await;
    let source = server.post("/sources", json!({"kind": "plugin", "name": "ERP"}), 201).await;
    let idle = server.post("/sources", json!({"kind": "plugin", "name": "ERP 2"}), 201).await;
    server.patch(&format!("/sources/{}", idle["id"].as_str().expect("an id")), json!({"paused": true})).await;
    // What did not happen yet is 0, so that the first time is an increase.
    let text = metrics(&server).await;
    assert!(
        text.contains(&format!(
            "gancho_deliveries_failed_total{{endpoint=\"{}\"}} 0",
            failing["id"].as_str().expect("an id")
        )),
        "{text}"
    );
    let bad = failing["id"].as_str().expect("an id");
    assert_eq!(value(&text, "gancho_events_accepted_total", ""), 3.0, "{text}");
    assert_eq!(value(&text, "gancho_deliveries_delivered_total", ""), 3.0);
    assert_eq!(value(&text, "gancho_attempts_total", "result=\"status\""), 6.0);
    assert_eq!(value(&text, "gancho_deliveries_retried_total", bad), 6.0);
    assert_eq!(value(&text, "gancho_waiting", bad), 3.0);
    for one in [&source, &idle] {
        let id = one["id"].as_str().expect("an id");
        assert!(text.contains(&format!("gancho_source_down{{source=\"{id}\"}} 0")), "{text}");
    }
    assert!(
        value(&text, "gancho_commit_size_count", "") > 3.0
            && text.contains("gancho_attempt_seconds_bucket{phase=\"first_byte\"")
    );
    assert!(!text.contains("hush"));
    is_told_apart(&text);
}

/// Every metric says what it is, once and before its lines, as Prometheus' own tool wants it.
fn is_told_apart(text: &str) {
    for line in text.lines().filter(|line| line.starts_with("# TYPE ")) {
        let name = line.split(' ').nth(2).expect("a name");
        assert!(text.contains(&format!("# HELP {name} ")), "{name} has no help");
    }
    let mut check =
        Command::new("promtool").args(["check", "metrics"]).stdin(Stdio::piped()).spawn().expect("promtool");
    check.stdin.take().expect("its input").write_all(text.as_bytes()).expect("it reads");
    assert!(check.wait().expect("it ends").success(), "{text}");
}

#[tokio::test]
async fn logs_are_json_lines_without_secrets() {
    let log = tempfile::NamedTempFile::new().expect("a file");
    let receiver = Receiver::with(|_| Respond::status(500)).await;
    let options = ServerOptions {
        before: ["sh", "-c", &format!("exec \"$0\" \"$@\" 2> {}", log.path().display())].map(ToOwned::to_owned).into(),
        ..ServerOptions::default()
    };
    let options = options.env("GANCHO_LOG_FORMAT", "json").env("GANCHO_LOG_LEVEL", "info");
    let mut server = Server::start(BINARY, options).await;
    let body = json!({"url": receiver.url("/hook?token=hush"), "events": ["*"], "retry": {"delays_s": []}, "headers": {"X-Key": "hush"}});
    let endpoint = server.post("/endpoints", body, 201).await;
    server.send("demo.made").await;
    server.wait_until("/deliveries?state=failed", |list| list["data"].as_array().map(Vec::len) == Some(1)).await;
    server.stop().await;
    let text = std::fs::read_to_string(log.path()).expect("text");
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("a JSON line")).collect();
    let failed = lines.iter().find(|line| line["error"] == "status").expect("the attempt is logged");
    assert_eq!((&failed["status"], &failed["endpoint"]), (&json!(500), &endpoint["id"]));
    assert!(!text.contains("hush") && !text.contains(endpoint["secret"].as_str().expect("a secret")));
}

#[tokio::test]
async fn the_doctor_says_what_is_wrong() {
    let (mut server, receiver) = (server().await, Receiver::start().await);
    server.add_endpoint(&receiver.url("/hook"), &["*"]).await;
    let (dir, environment) = (server.data_dir(), server.environment());
    let doctor = async |allow: &str| {
        let mut command = tokio::process::Command::new(BINARY);
        command.args(["doctor", "--data-dir"]).arg(&dir).env("GANCHO_ALLOW_HOSTS", allow).envs(environment.clone());
        let output = command.output().await.expect("runs");
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    // The server that runs is asked: what it may reach counts, not what this shell would allow.
    let (code, text) = doctor("").await;
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("ok   server") && text.contains("ok   webhook"), "{text}");
    // Webhooks by name, or by an address without its key; failures by their number.
    receiver.behave(|_| Respond::status(500));
    let url = receiver.url("/services/T0/aB3dE5fG7hI9jK1l");
    server.post("/endpoints", json!({"url": url, "events": ["demo.never"]}), 201).await;
    let named = server.post("/endpoints", json!({"url": url, "events": ["*"], "name": "Tienda"}), 201).await;
    server.send("invoice.created").await;
    let path = format!("/endpoints/{}", named["id"].as_str().expect("an id"));
    server.wait_until(&path, |one| one["health"]["consecutive_failures"] == 1).await;
    let (code, text) = doctor("").await;
    assert_eq!(code, Some(1), "{text}");
    assert!(
        text.contains("Tienda: unsteady, 1 waiting; the last attempt failed") && text.contains("/services/"),
        "{text}"
    );
    assert!(!text.contains("aB3dE5fG7hI9jK1l"), "{text}");
    server.call(Method::DELETE, &path, None).await;
    receiver.behave(|_| Respond::status(200));
    let came = receiver.received().len();
    server.stop().await;
    // Commands name the data dir on which no server works.
    let listed = tokio::process::Command::new(BINARY).args(["endpoint", "list", "--data-dir"]).arg(&dir).output().await;
    let listed = String::from_utf8_lossy(&listed.expect("runs").stderr).into_owned();
    assert!(listed.contains(&format!("no server works on the data dir {}", dir.display())), "{listed}");
    let (code, text) = doctor("127.0.0.1").await;
    assert_eq!(code, Some(0), "{text}");
    assert!(!text.contains("ok   server") && text.contains("reachable"), "{text}");
    let (code, text) = doctor("").await;
    assert_eq!(code, Some(1));
    assert!(text.contains("BAD  webhook") && text.contains("loopback"), "{text}");
    assert_eq!(receiver.received().len(), came, "nothing is sent");
}
