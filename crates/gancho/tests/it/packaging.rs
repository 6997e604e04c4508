//! What a package brings: manual pages, completions, a service that says when it is ready.

use std::{os::unix::net::UnixDatagram, process::Command, time::Duration};

use gancho_testkit::{Server, ServerOptions};

use crate::BINARY;

#[test]
fn every_command_has_a_manual_page() {
    let dir = tempfile::tempdir().expect("a folder");
    let done = Command::new(BINARY).arg("man").arg(dir.path()).output().expect("runs");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    for (page, says) in [("gancho.1", "webhooks"), ("gancho-serve.1", "data-dir"), ("gancho-endpoint-export.1", "JSON")]
    {
        let text = std::fs::read_to_string(dir.path().join(page)).unwrap_or_else(|error| panic!("{page}: {error}"));
        let plain = text.replace("\\-", "-");
        assert!(plain.starts_with(".ie") && plain.contains(says), "{page}");
    }
    let nowhere = Command::new(BINARY).args(["man", "/nowhere/at/all"]).output().expect("runs");
    assert_eq!(nowhere.status.code(), Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn systemd_is_told_when_it_is_ready_and_when_it_stops() {
    let dir = tempfile::tempdir().expect("a folder");
    let socket = dir.path().join("notify");
    let listening = UnixDatagram::bind(&socket).expect("listens");
    listening.set_read_timeout(Some(Duration::from_secs(60))).expect("set");
    let notification = || {
        let mut text = [0; 256];
        let length = listening.recv(&mut text).expect("a notification");
        String::from_utf8_lossy(&text[..length]).into_owned()
    };
    let mut server = Server::start(BINARY, ServerOptions::default().env("NOTIFY_SOCKET", socket.display())).await;
    assert!(notification().contains("READY=1"));
    server.stop().await;
    assert!(notification().contains("STOPPING=1"));
}

/// By systemd itself: unknown words, wrong values and services that could harm the machine are refused.
#[test]
fn the_service_is_one_and_may_do_little() {
    let unit = concat!(env!("CARGO_MANIFEST_DIR"), "/../../packaging/gancho.service");
    let text = std::fs::read_to_string(unit).expect("is there");
    let dir = tempfile::tempdir().expect("a folder");
    let copy = dir.path().join("gancho.service");
    // Where it is not installed there is no such program and no such page.
    let here = text.replace("/usr/bin/gancho", BINARY).replace("Documentation=man:gancho(1)\n", "");
    std::fs::write(&copy, here).expect("written");
    let analyze = |args: &[&str]| {
        let done = Command::new("systemd-analyze").args(args).arg(&copy).output();
        let done = done.expect("the tests need systemd-analyze: ./test installs it");
        (done.status.success(), String::from_utf8_lossy(&[done.stdout, done.stderr].concat()).into_owned())
    };
    let (is_valid, output) = analyze(&["verify"]);
    assert!(is_valid && !output.contains("Unknown"), "{output}");
    // Out of 100: what systemd calls OK.
    let (is_safe, output) = analyze(&["security", "--offline=true", "--threshold=20"]);
    assert!(is_safe, "{output}");
}
