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
    let nowhere = Command::new(BINARY).args(["man", "/dev/null/at/all"]).output().expect("runs");
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

/// As FacturaScripts' plugin manager and its marketplace take it: one folder with the plugin's name, and what it needs.
#[test]
fn the_plugin_s_zip_is_one_folder_with_its_description() {
    let dir = tempfile::tempdir().expect("a folder");
    let done = Command::new(BINARY).arg("plugin").current_dir(dir.path()).output().expect("runs");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let file = std::fs::File::open(dir.path().join("Gancho.zip")).expect("a zip");
    let mut zip = zip::ZipArchive::new(file).expect("a zip");
    let names: Vec<String> = zip.file_names().map(|name| name.expect("UTF-8").into_owned()).collect();
    assert!(names.iter().all(|name| name.starts_with("Gancho/") && !name.contains("..")), "{names:?}");
    for needed in ["Gancho/Init.php", "Gancho/Translation/es_ES.json", "Gancho/Translation/en_EN.json"] {
        assert!(names.iter().any(|name| name == needed), "{needed} is missing");
    }
    let mut ini = String::new();
    let mut entry = zip.by_name("Gancho/facturascripts.ini").expect("its description");
    std::io::Read::read_to_string(&mut entry, &mut ini).expect("text");
    let value = |name: &str| -> String {
        let line = ini.lines().find_map(|line| line.strip_prefix(&format!("{name} = ")));
        line.unwrap_or_else(|| panic!("no {name}")).trim_matches('\'').to_owned()
    };
    assert_eq!(value("name"), "Gancho");
    assert_eq!(value("require_php"), "curl,openssl");
    for number in ["version", "min_version", "min_php"] {
        assert!(value(number).parse::<f64>().is_ok_and(|number| number > 0.9), "{number}");
    }
    assert!(value("description").len() > 40);
}

/// By Prometheus itself: the first failure and the first loss raise an alert, and nothing does while all is well.
#[test]
fn alerts_fire_for_what_happens_the_first_time() {
    let dir = tempfile::tempdir().expect("a folder");
    let rules = concat!(env!("CARGO_MANIFEST_DIR"), "/../../packaging/gancho-alerts.yml");
    let case = |series: &str, values: &str, alert: &str, labels: &str| {
        let expected = if labels.is_empty() { "[]".to_owned() } else { format!("[{{exp_labels: {{{labels}}}}}]") };
        let input = format!("[{{series: '{series}', values: '{values}'}}]");
        let rule = format!("[{{eval_time: 30m, alertname: {alert}, exp_alerts: {expected}}}]");
        format!("  - interval: 1m\n    input_series: {input}\n    alert_rule_test: {rule}\n")
    };
    let (failed, lost) = ("gancho_deliveries_failed_total{endpoint=\"ep_1\"}", "gancho_source_lost{source=\"src_1\"}");
    let cases = [
        case(failed, "0x10 1x60", "GanchoDeliveriesFailed", "severity: warning, endpoint: ep_1"),
        case(failed, "7x70", "GanchoDeliveriesFailed", ""),
        case(lost, "_x10 5x60", "GanchoSourceLosesChanges", "severity: critical, source: src_1"),
        case(lost, "0x70", "GanchoSourceLosesChanges", ""),
    ];
    // Annotations are compared too where labels are given: they are left out of the copy.
    let text = std::fs::read_to_string(rules).expect("is there");
    let is_kept = |line: &&str| {
        !["annotations:", "summary:", "description:"].iter().any(|start| line.trim_start().starts_with(start))
    };
    let bare: String = text.lines().filter(is_kept).map(|line| format!("{line}\n")).collect();
    std::fs::write(dir.path().join("rules.yml"), bare).expect("written");
    let tests = format!("rule_files: [rules.yml]\ntests:\n{}", cases.concat());
    std::fs::write(dir.path().join("tests.yml"), tests).expect("written");
    let done = Command::new("promtool").args(["test", "rules", "tests.yml"]).current_dir(dir.path()).output();
    let done = done.expect("the tests need promtool: ./test installs it");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&[done.stdout, done.stderr].concat()));
}

/// Alerts and the dashboard name metrics that the code has.
#[test]
fn alerts_and_dashboard_know_the_metrics() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let code: String = crate::tidy::all_sources().into_iter().map(|(_, text)| text).collect();
    for file in ["gancho-alerts.yml", "gancho-dashboard.json"] {
        let text = std::fs::read_to_string(format!("{root}/packaging/{file}")).expect("is there");
        let names = text.split(|character: char| !character.is_alphanumeric() && character != '_');
        let mut names: Vec<&str> = names.filter(|word| word.starts_with("gancho_")).collect();
        names.sort_unstable();
        names.dedup();
        assert!(names.len() > 7, "{file}: {names:?}");
        for name in names {
            let base = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
            let known = [format!("\"{base}\""), format!("\"{base}{{"), format!("{base} gauge")];
            assert!(known.iter().any(|form| code.contains(form)), "{file}: nothing counts {name}");
        }
    }
    let dashboard = std::fs::read_to_string(format!("{root}/packaging/gancho-dashboard.json")).expect("is there");
    serde_json::from_str::<serde_json::Value>(&dashboard).expect("JSON");
    let mut check = Command::new("promtool");
    let done = check.args(["check", "rules"]).arg(format!("{root}/packaging/gancho-alerts.yml")).output();
    let done = done.expect("the tests need promtool: ./test installs it");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}
