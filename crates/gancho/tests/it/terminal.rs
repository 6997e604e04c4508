//! What a person reads on a terminal: one thing as a story, with what to do; and how colours are kept away.

use gancho_testkit::{Receiver, Respond, Server};
use serde_json::json;

use crate::{BINARY, server};

/// Runs a command as on a terminal of so many columns.
async fn run(server: &Server, columns: u32, args: &[&str], env: &[(&str, &str)]) -> String {
    let output = tokio::process::Command::new(BINARY)
        .args(args)
        .current_dir(server.dir())
        .env("GANCHO_SERVER", server.base())
        .env("GANCHO_TOKEN", "test-admin-token")
        .env("COLUMNS", columns.to_string())
        .env("TZ", "UTC")
        .env_remove("NO_COLOR")
        .envs(env.iter().copied())
        .output()
        .await
        .expect("runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

/// What differs each time: ids, times, durations and the port.
const STEADY: [(&str, &str); 5] = [
    (r"\b(dlv|evt|ep|whsec)_[0-9A-Za-z+/=]+", "${1}_…"),
    (r"\d+ [A-Z][a-z]+ 20\d\d, \d\d:\d\d:\d\d", "TIME"),
    (r"\d+[ \u{a0}](ms|s)\b( ago)?", "SPAN$2"),
    (r"127\.0\.0\.1:\d+", "127.0.0.1:PORT"),
    (r#""created": \d+"#, r#""created": SECONDS"#),
];

#[tokio::test]
async fn one_delivery_is_a_timeline_and_one_webhook_a_summary() {
    let (server, receiver) = (server().await, Receiver::start().await);
    receiver.behave(|_| Respond::status(500));
    let body = json!({"url": receiver.url("/hook"), "name": "Contabilidad", "events": ["invoice.*"],
        "retry": {"delays_s": []}, "headers": {"X-Empresa": "7"}});
    let endpoint = server.post("/endpoints", body, 201).await;
    let event = json!({"event": "invoice.paid", "data": {"object": {"codigo": "FAC2026A12"}}});
    server.post("/events", event, 202).await;
    let failed = server.wait_until("/deliveries?state=failed", |page| page["data"][0].is_object()).await;
    let failed = &failed["data"][0];
    let shown = run(&server, 80, &["delivery", "show", failed["id"].as_str().expect("an id")], &[]).await;
    insta::with_settings!({ filters => STEADY }, { insta::assert_snapshot!("delivery_show", shown) });
    let shown = run(&server, 140, &["endpoint", "show", endpoint["id"].as_str().expect("an id")], &[]).await;
    insta::with_settings!({ filters => STEADY }, { insta::assert_snapshot!("endpoint_show", shown) });
}

#[tokio::test]
async fn colours_are_for_those_who_see_them() {
    let server = server().await;
    server.add_endpoint("http://127.0.0.1:1/hook", &["*"]).await;
    let list = ["endpoint", "list"];
    assert!(!run(&server, 80, &list, &[]).await.contains('\u{1b}'), "not into a pipe");
    assert!(run(&server, 80, &list, &[("CLICOLOR_FORCE", "1")]).await.contains("\u{1b}[33m"));
    let none = run(&server, 80, &list, &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]).await;
    assert!(!none.contains('\u{1b}'), "who wants none gets none");
    let narrow = run(&server, 60, &list, &[]).await;
    assert!(narrow.lines().all(|line| line.chars().count() <= 60), "{narrow}");
}
