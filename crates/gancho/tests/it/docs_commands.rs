//! Every command in the documents: each is understood, and what a test can run is run.

use std::process::{Output, Stdio};

use gancho_testkit::{Receiver, Server};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::{BINARY, documents, server};

/// Commands that are only checked for being understood, and the tests that run them.
const RUN_ELSEWHERE: &[(&str, &str)] = &[
    ("gancho serve", "every test"),
    ("gancho listen", "listening"),
    ("--follow", "watching"),
    ("--edit", "terminal"),
    ("gancho source add database", "erp_database"),
    ("gancho source add api", "erp_api"),
    ("gancho source confirm", "erp_copies"),
    ("gancho source backfill", "erp_origin"),
    ("gancho endpoint send", "erp_database"),
    ("gancho migrate", "migrate"),
    ("gancho user add", "terminal"),
    ("gancho bench", "the benchmarks"),
    ("gancho restore", "backup"),
    // Says BAD once another command has added a connection that nobody uses.
    ("gancho doctor", "watching"),
];

/// A command without what stands before it (environment), behind it (comments, redirections).
fn command(line: &str) -> Option<&str> {
    let line = line.split("  #").next().unwrap_or(line).trim();
    let start = if line.starts_with("gancho ") { 0 } else { line.find(" gancho ")? + 1 };
    let assignments = line[..start].split_whitespace().all(|word| word.starts_with("GANCHO_"));
    assignments.then(|| line[start..].trim_end())
}

/// A command of a document.
struct Written {
    file: String,
    /// As the shell gets it, but for what things are called.
    line: String,
    /// Whether it stands in a block, whole; inside a sentence its arguments may be left out.
    is_whole: bool,
}

/// All of them, each once.
fn commands() -> Vec<Written> {
    let mut found: Vec<Written> = vec![];
    for code in documents::codes() {
        for line in code.text.lines().filter_map(command) {
            let filled = line.replace("admin|viewer", "admin").replace(['[', ']'], "").replace("SHELL", "bash");
            if !found.iter().any(|known| known.line == filled) {
                found.push(Written { file: code.file.clone(), line: filled, is_whole: code.is_block });
            }
        }
    }
    found
}

async fn shell(server: &Server, line: &str) -> Output {
    let bin = std::path::Path::new(BINARY).parent().expect("a folder").display().to_string();
    let path = std::env::var("PATH").unwrap_or_default();
    let mut shell = Command::new("sh");
    shell
        .args(["-c", line])
        .current_dir(server.dir())
        .env("PATH", format!("{bin}:{path}"))
        .env("GANCHO_DATA_DIR", server.data_dir())
        .envs(server.environment())
        .stdin(Stdio::null());
    shell.output().await.expect("runs")
}

fn output_text(output: &Output) -> String {
    String::from_utf8_lossy(&[output.stdout.clone(), output.stderr.clone()].concat()).into_owned()
}

/// By the binary itself: with `--help` behind it nothing is done, but unknown commands, flags and values are refused.
#[tokio::test]
async fn every_command_is_understood() {
    let server = server().await;
    let commands = commands();
    assert!(commands.len() > 60, "{}", commands.len());
    for Written { file, line, .. } in &commands {
        let bare = line.split([';', '>', '<']).next().unwrap_or_default().replace('…', "1");
        let output = shell(&server, &format!("{bare} --help")).await;
        assert!(output.status.success(), "{file}: {line}\n{}", output_text(&output));
    }
    let wrong = shell(&server, "gancho delivery list --sinse 1h --help").await;
    assert_eq!(wrong.status.code(), Some(2), "{}", output_text(&wrong));
    for (start, test) in RUN_ELSEWHERE {
        assert!(commands.iter().any(|one| one.line.contains(start)), "{start} ({test}) is in no document");
    }
}

/// Requests by curl, each block as it stands.
#[tokio::test]
async fn requests_are_taken() {
    let server = server().await;
    let source = server.post("/sources", json!({"kind": "plugin", "name": "Ejemplo"}), 201).await;
    let token = source["token"].as_str().expect("a token");
    let blocks = documents::codes().into_iter().filter(|code| code.text.contains("curl http://127.0.0.1:8420/"));
    let mut tried = 0;
    for block in blocks {
        let line = block.text.replace("http://127.0.0.1:8420", server.base()).replace("gancho_…", token);
        let script =
            format!("cd {}/../..; {}", env!("CARGO_MANIFEST_DIR"), line.replace("curl ", "curl --silent --fail "));
        let output = shell(&server, &script).await;
        assert!(output.status.success(), "{}: {}\n{}", block.file, block.text, output_text(&output));
        tried += 1;
    }
    assert!(tried >= 3, "{tried}");
    let events = server.get("/events?types=order.shipped").await;
    assert_eq!(events["data"].as_array().map(Vec::len), Some(2), "one of each language: {events}");
}

/// What the commands are about: a webhook, a connection that gave events, a bin, a token.
struct Things {
    values: Vec<(&'static str, String)>,
    _receiver: Receiver,
}

async fn id(server: &Server, path: &str, body: Value) -> String {
    server.post(path, body, 201).await["id"].as_str().expect("an id").to_owned()
}

async fn things(server: &Server) -> Things {
    let receiver = Receiver::start().await;
    let endpoint = json!({"url": receiver.url("/hook"), "events": ["*"]});
    let endpoint = server.post("/endpoints", endpoint, 201).await;
    let source = server.post("/sources", json!({"kind": "plugin", "name": "Ejemplo"}), 201).await;
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let changes = include_str!("../../../../examples/changes.json").parse().expect("JSON");
    let taken = server.call_as(&text(&source["token"]), Method::POST, "/changes", Some(changes)).await;
    assert_eq!(taken.status, 202, "{}", taken.body);
    let event = server.send("invoice.paid").await;
    let path = format!("/deliveries?event={event}");
    let delivery = server.wait_until(&path, |list| list["data"][0]["id"].is_string()).await;
    std::fs::write(server.dir().join("body"), "{}").expect("written");
    std::fs::write(server.dir().join("mine.json"), r#"{"object": {"codigo": "FAC2"}}"#).expect("written");
    std::fs::copy(server.dir().join("mine.json"), server.dir().join("mio.json")).expect("copied");
    let secret = text(&endpoint["secret"]);
    let values = vec![
        ("HEX", gancho_receiver::sign::plain(&gancho_receiver::Secret::new(secret.clone()), b"{}")),
        ("whsec_…", secret),
        ("ep_…", text(&endpoint["id"])),
        ("dlv_…", text(&delivery["data"][0]["id"])),
        ("src_…", text(&source["id"])),
        ("tok_…", id(server, "/tokens", json!({"name": "uno", "scope": "read"})).await),
        ("bin_…", id(server, "/bins", json!({})).await),
        ("--wait 60", "--wait 0".into()),
        ("--rate 20", "--rate 2000".into()),
        ("--data-dir DIR", format!("--data-dir {}", server.data_dir().display())),
        ("--data-dir CARPETA", format!("--data-dir {}", server.data_dir().display())),
        ("--data-dir /var/lib/gancho", format!("--data-dir {}", server.data_dir().display())),
        ("DIR", server.dir().display().to_string()),
        ("CARPETA", server.dir().display().to_string()),
        ("http://127.0.0.1:9000/", receiver.url("/readme")),
        (" URL", format!(" {}", receiver.url("/more"))),
    ];
    Things { values, _receiver: receiver }
}

/// Against a running server, in the order of the documents; what removes something comes last.
#[tokio::test]
async fn commands_do_what_they_say() {
    let server = server().await;
    let things = things(&server).await;
    let (mut last, mut first): (Vec<_>, Vec<_>) = commands()
        .into_iter()
        .filter(|one| !RUN_ELSEWHERE.iter().any(|(start, _)| one.line.contains(start)))
        .partition(|one| [" remove", " erase", " disable"].iter().any(|word| one.line.contains(word)));
    first.append(&mut last);
    // On PostgreSQL a copy is made by pg_dump.
    first.retain(|one| server.environment().is_empty() || !one.line.contains("gancho backup"));
    let mut run = 0;
    for Written { file, line, is_whole } in first {
        let filled = things.values.iter().fold(line.clone(), |line, (open, value)| line.replace(open, value));
        let output = shell(&server, &filled).await;
        let lacks_arguments = !is_whole && output.status.code() == Some(2);
        let asks = line.contains(" erase ") && !line.contains("--yes") && output_text(&output).contains("--yes");
        assert!(
            lacks_arguments || asks || output.status.success(),
            "{file}: {line}\n{filled}\n{}",
            output_text(&output)
        );
        run += usize::from(!lacks_arguments);
    }
    assert!(run > 30, "{run}");
}
