//! The receiver kits, by the real languages: against the shared signatures, and against a running Gancho.

use std::{path::Path, process::Stdio};

use gancho_testkit::{PATIENCE, Receiver, Server};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    process::{Child, Command},
};

use crate::server;

const VECTORS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../receiver/vectors.json");
const KITS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../integrations");

/// A program that prints, for each vector, what its kit makes of it, as a JSON list; and what it makes of a request with
/// only the body's signature if it is not asked to take it.
const PROGRAMS: &[(&str, &[&str], &str)] = &[
    (
        "php",
        &["-r"],
        "require 'php/GanchoReceiver.php';
        $check = function ($secrets, $headers, $body, $now, $only) {
            try { return (new GanchoReceiver($secrets, $only))->verify($headers, $body, $now); }
            catch (GanchoRefused $refused) { return $refused->reason; }
        };
        $cases = json_decode(file_get_contents('VECTORS'), true)['cases'];
        $made = array_map(fn($c) => $check($c['secrets'], $c['headers'], base64_decode($c['body_base64']), $c['now'], true), $cases);
        $made[] = $check('x', ['x-webhook-signature' => hash_hmac('sha256', '{}', 'x')], '{}', 0, false);
        echo json_encode($made);",
    ),
    (
        "node",
        &["--input-type=module", "-e"],
        "import { Receiver } from 'KITS/node/gancho-receiver.mjs';
        import { readFileSync } from 'node:fs';
        import { createHmac } from 'node:crypto';
        const check = (secrets, headers, body, now, acceptBodyOnly) => {
          try { return new Receiver(secrets, { acceptBodyOnly }).verify(headers, body, now); }
          catch (refused) { return refused.reason; }
        };
        const { cases } = JSON.parse(readFileSync('VECTORS', 'utf8'));
        const made = cases.map((c) => check(c.secrets, c.headers, Buffer.from(c.body_base64, 'base64'), c.now, true));
        const own = createHmac('sha256', 'x').update('{}').digest('hex');
        made.push(check('x', { 'x-webhook-signature': own }, Buffer.from('{}'), 0, false));
        console.log(JSON.stringify(made));",
    ),
    (
        "python3",
        &["-c"],
        "import base64, hashlib, hmac, json, sys
sys.path.insert(0, 'python')
sys.dont_write_bytecode = True
from gancho_receiver import Receiver, Refused
def check(secrets, headers, body, now, only):
    try: return Receiver(secrets, accept_body_only=only).verify(headers, body, now)
    except Refused as refused: return refused.reason
cases = json.load(open('VECTORS'))['cases']
made = [check(c['secrets'], c['headers'], base64.b64decode(c['body_base64']), c['now'], True) for c in cases]
made.append(check('x', {'X-Webhook-Signature': hmac.new(b'x', b'{}', hashlib.sha256).hexdigest()}, b'{}', 0, False))
print(json.dumps(made))",
    ),
];

#[tokio::test]
async fn each_is_held_to_the_shared_signatures() {
    let vectors: Value = serde_json::from_str(&std::fs::read_to_string(VECTORS).expect("vectors")).expect("JSON");
    let mut expected: Vec<Value> =
        vectors["cases"].as_array().expect("cases").iter().map(|case| case["expect"].clone()).collect();
    expected.push(json!("body only"));
    for (program, args, code) in PROGRAMS {
        let code = code.replace("VECTORS", VECTORS).replace("KITS", KITS);
        let output = Command::new(program).args(*args).arg(code).current_dir(KITS).output().await.expect("it runs");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && errors.is_empty(), "{program}: {errors}");
        let made: Vec<Value> = serde_json::from_slice(&output.stdout).expect("a list");
        assert_eq!(made, expected, "{program}");
    }
}

/// A sample receiver that runs.
struct Sample {
    child: Child,
    url: String,
}

impl Sample {
    async fn start(program: &str, secret: &str, ids: &Path) -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("one").port();
        let mut command = Command::new(program);
        match program {
            "php" => command.args(["-S", &format!("127.0.0.1:{port}"), "php/sample.php"]),
            "node" => command.arg("node/sample.mjs"),
            _ => command.args(["-B", "python/sample.py"]),
        };
        let mut child = command
            .current_dir(KITS)
            .env("WEBHOOK_SECRET", secret)
            .env("IDS", ids)
            .env("PORT", port.to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("it runs");
        // PHP says so on its errors, the others on their output.
        let mut out = BufReader::new(child.stdout.take().expect("its output")).lines();
        let mut err = BufReader::new(child.stderr.take().expect("its errors")).lines();
        let line = async {
            tokio::select! {
                line = out.next_line(), if program != "php" => line,
                line = err.next_line(), if program == "php" => line,
            }
        };
        let started = tokio::time::timeout(PATIENCE, line).await.expect("it starts").expect("text");
        assert!(started.is_some(), "{program} ended");
        tokio::spawn(async move { while let Ok(Some(_)) = out.next_line().await {} });
        tokio::spawn(async move { while let Ok(Some(_)) = err.next_line().await {} });
        Self { child, url: format!("http://127.0.0.1:{port}/") }
    }
}

/// The libraries that others publish for Standard Webhooks, as programs that read a request as JSON: folder, program,
/// code.
const LIBRARIES: &[(&str, &[&str], &str)] = &[
    (
        "node",
        &["--input-type=module", "-e"],
        "import { Webhook } from 'standardwebhooks';
        import { readFileSync } from 'node:fs';
        const { secret, headers, body } = JSON.parse(readFileSync(0, 'utf8'));
        console.log(new Webhook(secret).verify(body, headers).id);",
    ),
    (
        ".venv/bin/python",
        &["-c"],
        "import json, sys
from standardwebhooks.webhooks import Webhook
given = json.load(sys.stdin)
print(Webhook(given['secret']).verify(given['body'], given['headers'])['id'])",
    ),
];

/// Where `./test --long` installs them.
const LIBRARIES_FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/kits");

#[tokio::test]
async fn the_libraries_of_standard_webhooks_verify_what_is_sent() {
    if std::env::var_os("GANCHO_TEST_STANDARD").is_none() {
        return;
    }
    let (server, receiver) = (server().await, Receiver::start().await);
    let webhook = server.add_endpoint(&receiver.url("/"), &["demo.*"]).await;
    let event = server.send("demo.made").await;
    let came = receiver.wait_for(1).await.remove(0);
    let body = String::from_utf8(came.body.to_vec()).expect("text");
    for (program, args, code) in LIBRARIES {
        for (secret, is_right) in
            [(webhook["secret"].clone(), true), (json!("whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="), false)]
        {
            let given = json!({"secret": secret, "headers": came.headers, "body": body}).to_string();
            let mut child = Command::new(program)
                .args(*args)
                .arg(code)
                .current_dir(LIBRARIES_FOLDER)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .spawn()
                .expect("it runs");
            child.stdin.take().expect("its input").write_all(given.as_bytes()).await.expect("it reads");
            let output = child.wait_with_output().await.expect("it ends");
            assert_eq!(output.status.success(), is_right, "{program}");
            if is_right {
                assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), event, "{program}");
            }
        }
    }
}

async fn answer_of(server: &Server, delivery: &str) -> (Value, Value) {
    let path = format!("/deliveries/{delivery}");
    let shown = server.wait_until(&path, |one| one["state"] != "pending").await;
    let last = shown["attempts"].as_array().and_then(|all| all.last()).cloned().expect("an attempt");
    (last["status_code"].clone(), last["response_body"].clone())
}

#[tokio::test]
async fn each_receives_from_a_running_gancho_and_handles_an_event_once() {
    let server = server().await;
    let folder = tempfile::tempdir().expect("a folder");
    for program in ["php", "node", "python3"] {
        let secret = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
        let mut sample = Sample::start(program, secret, &folder.path().join(program)).await;
        let body = json!({"url": sample.url, "events": ["demo.*"], "secret": secret, "name": program});
        let webhook = server.post("/endpoints", body, 201).await;
        let event = server.send("demo.made").await;
        let path = format!("/deliveries?event={event}&endpoint={}", webhook["id"].as_str().expect("an id"));
        let page = server.wait_until(&path, |page| page["data"].as_array().is_some_and(|all| !all.is_empty())).await;
        let delivery = page["data"][0]["id"].as_str().expect("an id").to_owned();
        assert_eq!(answer_of(&server, &delivery).await, (json!(200), json!("handled")), "{program}");
        server.post(&format!("/deliveries/{delivery}/retry"), json!({}), 200).await;
        let again = server
            .wait_until(&format!("/deliveries/{delivery}"), |one| {
                one["attempts"].as_array().is_some_and(|all| all.len() == 2)
            })
            .await;
        assert_eq!(again["attempts"][1]["response_body"], "repeat", "{program}");
        // A request that is nobody's.
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        let refused = http.post(&sample.url).body("{}").send().await.expect("it answers");
        assert_eq!(refused.status(), 401, "{program}");
        sample.child.kill().await.expect("it ends");
        server
            .call(reqwest::Method::DELETE, &format!("/endpoints/{}", webhook["id"].as_str().expect("an id")), None)
            .await
            .expect(204);
    }
}
