//! The samples in the documents, run in their languages against signed requests; the rules, given to a server.

use std::process::Stdio;

use gancho_testkit::{PATIENCE, Server};
use serde_json::json;
use standardwebhooks::Webhook;
use tokio::process::{Child, Command};

use crate::{documents, server};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// What stands around a sample so that it is a server: the address is its argument; 200 if the sample lets the request through.
const PHP: &str = "<?php
SAMPLE
echo 'verified';
";
const NODE: &str = "IMPORTS
import { createServer } from 'node:http';
createServer(async (req, res) => {
  res.status = (status) => { res.statusCode = status; return res; };
  const parts = [];
  for await (const part of req) parts.push(part);
  const rawBody = Buffer.concat(parts);
SAMPLE
  res.end('verified');
}).listen(Number(process.argv[2]), '127.0.0.1');
";
const PYTHON: &str = "
import base64, hashlib, hmac, os, sys, time
from http.server import BaseHTTPRequestHandler, HTTPServer
class Abort(Exception): pass
def abort(status): raise Abort(status)
class Handler(BaseHTTPRequestHandler):
    def get_data(self): return self.body
    def log_message(self, *_): pass
    def do_POST(self):
        self.body = self.rfile.read(int(self.headers.get('content-length', 0)))
        try: verify(self); status = 200
        except Abort as refused: status = refused.args[0]
        self.send_response(status); self.end_headers()
def verify(request):
SAMPLE
HTTPServer(('127.0.0.1', int(sys.argv[1])), Handler).serve_forever()
";

fn indented(sample: &str) -> String {
    sample.lines().map(|line| format!("    {line}\n")).collect()
}

fn program(language: &str, sample: &str) -> (&'static str, &'static str, String) {
    match language {
        "php" => ("php", "sample.php", PHP.replace("SAMPLE", sample)),
        "js" => {
            let (imports, rest): (Vec<&str>, Vec<&str>) = sample.lines().partition(|line| line.starts_with("import "));
            ("node", "sample.mjs", NODE.replace("IMPORTS", &imports.join("\n")).replace("SAMPLE", &rest.join("\n")))
        }
        _ => {
            // The frame stands for Flask.
            let sample: String =
                sample.lines().filter(|line| !line.contains("from flask")).map(|line| format!("{line}\n")).collect();
            ("python3", "sample.py", PYTHON.replace("SAMPLE", &indented(&sample)))
        }
    }
}

/// A sample as a running server.
struct Running {
    url: String,
    _child: Child,
    _dir: tempfile::TempDir,
}

async fn start(language: &str, sample: &str) -> Running {
    let dir = tempfile::tempdir().expect("a folder");
    let (command, name, text) = program(language, sample);
    std::fs::write(dir.path().join(name), text).expect("written");
    let port = gancho_testkit::free_port();
    let args = match command {
        "php" => vec!["-S".to_owned(), format!("127.0.0.1:{port}"), name.to_owned()],
        _ => vec![name.to_owned(), port.to_string()],
    };
    let child = Command::new(command)
        .args(args)
        .current_dir(dir.path())
        .env("WEBHOOK_SECRET", SECRET)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("the tests need php, node and python3: ./test installs them");
    documents::until_it_listens(port).await.expect("the sample starts");
    Running { url: format!("http://127.0.0.1:{port}/"), _child: child, _dir: dir }
}

/// What a sample answers to a body that was signed at a time, and perhaps changed on its way.
async fn answer(running: &Running, signed_at: i64, sent: &str, secret: &str) -> u16 {
    let body = r#"{"event":"invoice.paid","id":"evt_1"}"#;
    let signature = Webhook::new(secret).expect("a secret").sign("evt_1", signed_at, body.as_bytes()).expect("signed");
    let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().expect("a client");
    let request = client
        .post(&running.url)
        .header("webhook-id", "evt_1")
        .header("webhook-timestamp", signed_at)
        .header("webhook-signature", format!("v1,bm90aGluZw== {signature}"))
        .body(sent.to_owned());
    request.send().await.expect("an answer").status().as_u16()
}

/// The true time: samples compare it with what they get.
#[allow(clippy::disallowed_methods)]
fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}

#[tokio::test]
async fn receivers_take_what_is_right_and_nothing_else() {
    let codes = documents::codes()
        .into_iter()
        .filter(|code| code.text.contains("webhook-timestamp") || code.text.contains("WEBHOOK_TIMESTAMP"));
    let samples: Vec<_> = codes.filter(|code| code.is_block).collect();
    let languages: Vec<&str> = samples.iter().map(|sample| sample.language.as_str()).collect();
    assert_eq!(languages.len(), 7, "three in each language and one in README.md: {languages:?}");
    let mut tried: Vec<String> = vec![];
    for sample in samples.into_iter() {
        if tried.contains(&sample.text) {
            continue;
        }
        let running = start(&sample.language, &sample.text).await;
        let (right, changed) = (r#"{"event":"invoice.paid","id":"evt_1"}"#, r#"{"event":"invoice.paid","id":"evt_2"}"#);
        let place = format!("{} in {}", sample.file, sample.language);
        assert_eq!(answer(&running, now(), right, SECRET).await, 200, "{place}");
        assert_eq!(answer(&running, now(), changed, SECRET).await, 401, "{place}: a changed body");
        assert_eq!(answer(&running, now() - 600, right, SECRET).await, 401, "{place}: ten minutes old");
        assert_eq!(answer(&running, now(), right, "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA").await, 401, "{place}");
        let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().expect("a client");
        let unsigned = client.post(&running.url).body(right).send().await.expect("an answer");
        assert_eq!(unsigned.status(), 401, "{place}: unsigned");
        tried.push(sample.text);
    }
}

#[tokio::test]
async fn a_receiver_of_the_body_alone() {
    for file in ["docs/en/receive.md", "docs/es/recibir.md"] {
        let sample = documents::codes_of(file).into_iter().find(|code| code.text.contains("HTTP_X_WEBHOOK_SIGNATURE"));
        let sample = sample.expect("a sample").text;
        let running = start("php", &format!("$body = file_get_contents('php://input');\n{sample}")).await;
        let right = gancho_receiver::sign::plain(&gancho_receiver::Secret::new(SECRET), b"{}");
        for (body, status) in [("{}", 200), ("[]", 401)] {
            let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().expect("a client");
            let request = client.post(&running.url).header("x-webhook-signature", &right).body(body);
            assert_eq!(request.send().await.expect("an answer").status().as_u16(), status, "{file}: {body}");
        }
    }
}

async fn is_taken(server: &Server, rule: serde_json::Value) -> bool {
    let mut endpoint = json!({"url": "https://example.com/", "events": ["*"]});
    let fields = endpoint.as_object_mut().expect("an object");
    fields.extend(rule.as_object().expect("an object").clone());
    let answer = server.call(reqwest::Method::POST, "/endpoints", Some(endpoint)).await;
    assert!(answer.status == 201 || answer.status == 422, "{}", answer.body);
    answer.status == 201
}

#[tokio::test]
async fn rules_are_taken_by_a_server() {
    let server = server().await;
    assert!(!is_taken(&server, json!({"condition": "data.object.total >"})).await);
    for file in ["docs/en/rules.md", "docs/es/reglas.md"] {
        let blocks = documents::codes_of(file).into_iter().filter(|code| code.is_block && code.language.is_empty());
        let (templates, conditions): (Vec<_>, Vec<_>) = blocks.partition(|code| code.text.starts_with('{'));
        assert!(!templates.is_empty() && !conditions.is_empty(), "{file}");
        for template in templates {
            assert!(is_taken(&server, json!({"template": template.text})).await, "{file}: {}", template.text);
        }
        for condition in conditions.iter().flat_map(|code| code.text.lines()) {
            assert!(is_taken(&server, json!({"condition": condition})).await, "{file}: {condition}");
        }
    }
}
