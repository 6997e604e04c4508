//! Starting, and refusing to start.

use std::process::{Command, Output};

use gancho_testkit::{Server, ServerOptions};

use crate::{BINARY, server};

pub fn run(args: &[&str], env: &[(&str, &str)]) -> Output {
    let dir = tempfile::tempdir().expect("a folder");
    // One that serves although it should not is ended by `timeout`, with another exit code.
    Command::new("timeout")
        .args(["30", BINARY])
        .args(args)
        .current_dir(dir.path())
        .envs(env.iter().copied())
        .output()
        .expect("runs")
}

pub fn refused(args: &[&str], env: &[(&str, &str)], says: &str) {
    let output = run(args, env);
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{error}");
    assert!(error.contains(says), "{error}");
    assert_eq!(error.lines().count(), 1, "one clear line: {error}");
}

#[test]
fn bad_settings_are_refused_by_name() {
    let dir = tempfile::tempdir().expect("a folder");
    refused(&["serve"], &[("GANCHO_LISTEN", "nowhere")], "setting listen");
    refused(&["serve"], &[("GANCHO_ALLOW_HOSTS", "10.0.0.0/99")], "allow_hosts");
    refused(&["serve"], &[("GANCHO_ATTEMPT_MS", "-1")], "attempt_ms");
    for level in
        ["loud", "", "info,gancho_delivery=loud", "info,gancho_delivery", "info,,", "warn=", "=info", "a[b]=info"]
    {
        refused(&["serve"], &[("GANCHO_LOG_LEVEL", level)], "log_level");
    }
    refused(&["serve"], &[("GANCHO_SECRET_KEY", "short")], "secret_key");
    refused(&["serve", "--database-url", "postgres://127.0.0.1:1/y"], &[], "can't be used");
    // Each of the two is judged, also where the other is missing.
    refused(&["serve"], &[("GANCHO_MAIL_FROM", "x")], "setting mail_from");
    refused(&["serve"], &[("GANCHO_SMTP_URL", "mail.example.com")], "setting smtp_url");
    refused(&["serve"], &[("GANCHO_SMTP_URL", "smtp://mail.example.com")], "setting mail_from");
    refused(&["serve", "--config", "missing.toml"], &[], "missing.toml");
    refused(&["serve", "--data-dir", "/dev/null/x"], &[], "/dev/null/x");
    let file = dir.path().join("gancho.toml");
    std::fs::write(&file, "listne = \"x\"\n").expect("writes");
    refused(&["serve", "--config", file.to_str().expect("a path")], &[], "no setting listne");
    std::fs::write(&file, "# á\nlisten = \"127.0.0.1:0\"\nretention_days = = 3\n").expect("writes");
    refused(&["serve", "--config", file.to_str().expect("a path")], &[], "line 3");
    std::fs::write(&file, "secret_key = \"hush").expect("writes");
    let output = run(&["config", "--config", file.to_str().expect("a path")], &[]);
    assert!(!String::from_utf8_lossy(&output.stderr).contains("hush"), "a broken line is not repeated");
}

#[test]
fn config_prints_everything_and_masks_secrets() {
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("gancho.toml");
    std::fs::write(&file, "in_flight = 100\nallow_hosts = [\"localhost\", \"10.0.0.0/8\"]\nretention_days = 3\n")
        .expect("writes");
    let args = ["config", "--config", file.to_str().expect("a path"), "--data-dir", "elsewhere"];
    let output = run(&args, &[("GANCHO_ADMIN_TOKEN", "hush-hush"), ("GANCHO_RETENTION_DAYS", "7")]);
    let text = String::from_utf8(output.stdout).expect("text");
    for line in [
        "in_flight = 100",
        "allow_hosts = [\"localhost\", \"10.0.0.0/8\"]",
        "retention_days = 7",
        "data_dir = \"elsewhere\"",
        "admin_token = \"***\"",
    ] {
        assert!(text.contains(line), "{line} in {text}");
    }
    assert!(!text.contains("hush"));
}

#[tokio::test]
async fn one_server_a_data_dir_and_the_right_key() {
    let mut server = server().await;
    let data = server.data_dir();
    let data = data.to_str().expect("a path");
    refused(&["serve", "--listen", "127.0.0.1:0", "--data-dir", data], &[], "another gancho serve");
    let key = server.data_dir().join("secret.key");
    let mode = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(&key).expect("the key"));
    assert_eq!(mode & 0o777, 0o600);
    server.stop().await;
    let other = String::from_utf8(run(&["key", "new"], &[]).stdout).expect("text");
    refused(
        &["serve", "--listen", "127.0.0.1:0", "--data-dir", data],
        &[("GANCHO_SECRET_KEY", other.trim())],
        "another secret_key",
    );
    std::fs::remove_file(&key).expect("removes");
    refused(&["serve", "--listen", "127.0.0.1:0", "--data-dir", data], &[], "secret.key");
}

#[tokio::test]
async fn a_newer_database_is_left_alone() {
    let mut server = server().await;
    server.stop().await;
    let file = server.data_dir().join("gancho.db");
    let mut newer = std::fs::read(&file).expect("the database");
    newer[60..64].copy_from_slice(&99u32.to_be_bytes()); // user_version, in the header of the file
    std::fs::write(&file, &newer).expect("writes");
    let data = server.data_dir();
    refused(&["serve", "--listen", "127.0.0.1:0", "--data-dir", data.to_str().expect("a path")], &[], "newer version");
    assert_eq!(std::fs::read(&file).expect("the database")[60..64], newer[60..64]);
}

#[tokio::test]
async fn a_port_that_is_taken_is_told() {
    let first = server().await;
    let address = first.base().strip_prefix("http://").expect("an address").to_owned();
    refused(&["serve", "--listen", &address], &[], "can't listen");
}

#[tokio::test]
async fn probes_answer_without_a_token() {
    let server = Server::start(BINARY, ServerOptions::default().env("GANCHO_LOG_FORMAT", "json")).await;
    for path in ["/healthz", "/readyz"] {
        let answer = server.answer(server.request(reqwest::Method::GET, path)).await.expect("answers");
        assert_eq!(answer.status, 200, "{path}");
    }
}
