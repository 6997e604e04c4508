//! `gancho listen`: what comes is forwarded byte for byte, nothing is missed whatever is cut, and it never says that it is
//! connected when it is not.

use std::{
    collections::BTreeSet,
    process::Stdio,
    sync::{Arc, Mutex},
    time::Duration,
};

use gancho_receiver::{Secret, sign};
use gancho_testkit::{PATIENCE, Receiver, Respond, Server};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, BufReader},
    process::{Child, Command},
    sync::watch,
};

use crate::{
    BINARY,
    proxies::{LIE, PASS, Proxy, RESET, SWALLOW, https_front, office_proxy},
    server,
    tls::Certificate,
};

/// The command, and what it prints.
struct Listening {
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
    printed: watch::Receiver<usize>,
}

impl Listening {
    fn start(server: &str, to: &str, more: &[&str]) -> Self {
        Self::run(server, to, more, &[])
    }

    /// The same with these variables in its environment.
    fn run(server: &str, to: &str, more: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut child = Command::new(BINARY)
            .args(["listen", "--forward-to", to, "--beat-ms", "200"])
            .args(more)
            .envs(environment.iter().copied())
            .env("GANCHO_SERVER", server)
            .env("GANCHO_TOKEN", "test-admin-token")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("runs");
        let (lines, (count, printed)) = (Arc::new(Mutex::default()), watch::channel(0));
        let count = Arc::new(count);
        gather(child.stdout.take().expect("its output"), lines.clone(), count.clone());
        gather(child.stderr.take().expect("its errors"), lines.clone(), count);
        Self { child, lines, printed }
    }

    fn about(&self, wanted: &str) -> usize {
        self.lines.lock().expect("lines").iter().filter(|line| line.contains(wanted)).count()
    }

    /// Whether it last said that it is connected.
    fn says_connected(&self) -> bool {
        let lines = self.lines.lock().expect("lines");
        lines.iter().rev().find(|line| line.contains("connected")).is_some_and(|line| !line.starts_with("not"))
    }

    /// Waits until that is so, or is not.
    async fn until_it_says(&mut self, connected: bool) {
        let waiting = async {
            while self.says_connected() != connected {
                self.printed.changed().await.expect("it runs");
            }
        };
        let waited = tokio::time::timeout(PATIENCE, waiting).await;
        assert!(waited.is_ok(), "connected must be {connected}: {:?}", self.lines.lock().expect("lines"));
    }

    /// Waits until so many lines hold a text.
    async fn until(&mut self, wanted: &str, count: usize) {
        let waiting = async {
            while self.about(wanted) < count {
                assert!(self.printed.changed().await.is_ok(), "it ended: {:?}", self.lines.lock().expect("lines"));
            }
        };
        let waited = tokio::time::timeout(PATIENCE, waiting).await;
        assert!(waited.is_ok(), "waited in vain for {wanted}: {:?}", self.lines.lock().expect("lines"));
    }
}

fn gather(
    from: impl AsyncRead + Unpin + Send + 'static,
    lines: Arc<Mutex<Vec<String>>>,
    count: Arc<watch::Sender<usize>>,
) {
    tokio::spawn(async move {
        let mut from = BufReader::new(from).lines();
        while let Ok(Some(line)) = from.next_line().await {
            lines.lock().expect("lines").push(line);
            count.send_modify(|count| *count += 1);
        }
    });
}

async fn send(server: &Server, n: usize) -> String {
    let event = json!({"event": "invoice.created", "data": {"object": {"codigo": format!("FAC{n}"), "ñ": "€"}}});
    server.post("/events", event, 202).await["id"].as_str().expect("an id").to_owned()
}

#[tokio::test]
async fn what_comes_is_forwarded_as_a_receiver_would_get_it_and_logged() {
    let (server, receiver) = (server().await, Receiver::start().await);
    receiver.behave(|request| match request.header("x-webhook-event") {
        "customer.created" => Respond::status(500),
        _ => Respond::status(200),
    });
    send(&server, 0).await;
    let to = receiver.url("/webhook");
    let mut listening = Listening::start(server.base(), &to, &["--events", "invoice.*", "customer.created", "--print"]);
    listening.until("connected to", 1).await;
    let ids = [send(&server, 1).await, server.send("customer.created").await];
    server.send("product.created").await;
    let came = receiver.wait_for(2).await;
    assert_eq!(came.iter().map(|one| one.id().to_owned()).collect::<Vec<_>>(), ids, "what was before is not forwarded");
    let webhook = server.get("/endpoints").await["data"][0].clone();
    let id = webhook["id"].as_str().expect("an id");
    let secret = server.get(&format!("/endpoints/{id}/secret")).await["secret"].as_str().expect("one").to_owned();
    let event = server.get(&format!("/events/{}", ids[0])).await;
    let sent: Value = came[0].json();
    assert_eq!((&sent["id"], &sent["data"]), (&event["id"], &event["data"]));
    assert_eq!(came[0].header("x-webhook-signature"), sign::plain(&Secret::new(&secret), &came[0].body));
    let at = came[0].header("webhook-timestamp").parse().expect("a time");
    let standard = sign::standard(&Secret::new(secret), came[0].id(), at, &came[0].body);
    assert_eq!(Some(came[0].header("webhook-signature")), standard.as_deref());
    for name in ["x-webhook-id", "x-webhook-event", "x-webhook-timestamp", "x-webhook-attempt", "x-webhook-sequence"] {
        assert!(!came[0].header(name).is_empty(), "{name}");
    }
    listening.until("FAC1", 2).await;
    listening.until("500", 1).await;
    let log = server
        .wait_until(&format!("/deliveries?endpoint={id}"), |page| {
            page["data"].as_array().is_some_and(|all| all.len() == 2)
        })
        .await;
    let states: Vec<&str> =
        log["data"].as_array().expect("two").iter().filter_map(|one| one["state"].as_str()).collect();
    assert_eq!(states, ["failed", "delivered"]);
    let shown = server.get(&format!("/deliveries/{}", log["data"][0]["id"].as_str().expect("an id"))).await;
    let attempt = &shown["attempts"][0];
    assert_eq!((&attempt["status_code"], &attempt["error"]["kind"]), (&json!(500), &json!("status")));
    assert_eq!(attempt["request_headers"]["x-webhook-signature"], "***");
    // Nothing is ever sent to it from here.
    server.call(reqwest::Method::PATCH, &format!("/endpoints/{id}"), Some(json!({"enabled": true}))).await.expect(409);
    server.post(&format!("/endpoints/{id}/test"), json!({}), 409).await;
    // Stopped and started again, it goes on where it stopped.
    listening.child.kill().await.expect("it ends");
    let missed = send(&server, 2).await;
    let mut again = Listening::start(server.base(), &to, &["--events", "invoice.*", "customer.created"]);
    again.until("came since it stopped", 1).await;
    assert_eq!(receiver.wait_for(3).await[2].id(), missed);
    assert_eq!(server.get("/endpoints").await["data"].as_array().map(Vec::len), Some(1), "the same one");
    let mut first = Listening::start(server.base(), &to, &["--name", "new", "--from", "1h"]);
    first.until("came before and go first", 1).await;
}

#[tokio::test]
async fn events_wait_for_a_program_that_is_not_running() {
    let server = server().await;
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = free.local_addr().expect("it has an address").to_string();
    drop(free);
    let mut listening = Listening::start(server.base(), &format!("http://{address}/webhook"), &[]);
    listening.until("connected to", 1).await;
    let ids = [send(&server, 1).await, send(&server, 2).await];
    listening.until(&format!("nothing answers at http://{address}/webhook"), 1).await;
    let program = Receiver::at(&address, |_| Respond::status(200)).await;
    let came = program.wait_for(2).await;
    assert_eq!(came.iter().map(|one| one.id().to_owned()).collect::<Vec<_>>(), ids);
    listening.until("200", 2).await;
    assert_eq!(listening.about("nothing answers"), 1, "it says so once");
}

#[tokio::test]
async fn no_event_is_missed_over_two_hundred_cuts_of_every_kind() {
    let cuts: usize = std::env::var("GANCHO_TEST_CUTS").ok().and_then(|text| text.parse().ok()).unwrap_or(200);
    let (mut server, receiver) = (server().await, Receiver::start().await);
    let proxy = Proxy::start(server.base()).await;
    let mut listening = Listening::start(&proxy.url, &receiver.url("/"), &["--from", "now"]);
    listening.until("connected to", 1).await;
    let mut sent = BTreeSet::new();
    for n in 0..cuts {
        sent.insert(send(&server, n).await);
        match n % 6 {
            0 => proxy.set(RESET),
            1 | 2 => proxy.set(SWALLOW),
            3 => proxy.set(LIE),
            // The command is stopped for a while, as a laptop that sleeps.
            4 => signal(&listening.child, rustix::process::Signal::STOP),
            _ if n % 30 == 5 => {
                server.kill().await;
                server.run().await;
                proxy.lead_to(server.base());
            }
            _ => proxy.set(PASS),
        }
        if (0..4).contains(&(n % 6)) {
            sent.insert(send(&server, n + 1000).await);
            // Long enough for it to notice, now and then; else the cut is short.
            if n % 4 == 0 {
                listening.until_it_says(false).await;
            }
        }
        signal(&listening.child, rustix::process::Signal::CONT);
        proxy.set(PASS);
        sent.insert(send(&server, n + 2000).await);
    }
    let all_came = |received: &[gancho_testkit::Received]| {
        let came: BTreeSet<&str> = received.iter().map(gancho_testkit::Received::id).collect();
        sent.iter().all(|id| came.contains(id.as_str()))
    };
    receiver.wait_until("all came", all_came).await;
    listening.until_it_says(true).await;
    let log = server.wait_until("/deliveries?limit=500&state=delivered", |page| {
        page["data"].as_array().is_some_and(|all| all.len() == sent.len().min(500))
    });
    log.await;
}

fn signal(child: &Child, signal: rustix::process::Signal) {
    let id = child.id().and_then(|id| rustix::process::Pid::from_raw(id.cast_signed())).expect("it runs");
    rustix::process::kill_process(id, signal).expect("a signal");
}

#[tokio::test]
async fn it_says_soon_that_it_is_not_connected_while_a_program_takes_long() {
    let (server, receiver) =
        (server().await, Receiver::with(|_| Respond::status(200).after(Duration::from_secs(8))).await);
    let proxy = Proxy::start(server.base()).await;
    let mut listening = Listening::start(&proxy.url, &receiver.url("/"), &[]);
    listening.until("connected to", 1).await;
    send(&server, 1).await;
    receiver.wait_for(1).await;
    proxy.set(SWALLOW);
    let began = tokio::time::Instant::now();
    listening.until("not connected", 1).await;
    assert!(began.elapsed() < Duration::from_secs(7), "before the program has answered");
    proxy.set(PASS);
    listening.until("connected again", 1).await;
    listening.until("FAC1", 1).await;
}

#[tokio::test]
async fn through_the_proxy_of_an_office_to_a_server_with_https() {
    let (server, receiver) = (server().await, Receiver::start().await);
    let certificate = Certificate::make(&["-subj", "/CN=gancho.test", "-addext", "subjectAltName=DNS:gancho.test"]);
    let (proxy, asked) = office_proxy(https_front(&certificate, &server).await).await;
    let file = certificate.file();
    let ca_file = file.to_str().expect("a path");
    let (good, bad) = (format!("http://ana:s3cret@{proxy}"), format!("http://ana:wr0ng@{proxy}"));
    let to = receiver.url("/");
    let with = |proxy: &str, more: &[&str]| {
        Listening::run("https://gancho.test", &to, more, &[("HTTPS_PROXY", proxy), ("NO_PROXY", "")])
    };
    let mut listening = with(&good, &["--ca-file", ca_file]);
    listening.until("connected to https://gancho.test", 1).await;
    assert_eq!(asked.lock().expect("a list").first().map(String::as_str), Some("connect gancho.test:443 http/1.1"));
    let sent = send(&server, 1).await;
    assert_eq!(receiver.wait_for(1).await[0].id(), sent, "the program is on this machine, behind no proxy");
    with(&good, &[]).until("--ca-file", 1).await;
    let mut refused = with(&bad, &["--ca-file", ca_file]);
    refused.until("through the proxy of HTTPS_PROXY", 1).await;
    assert_eq!(refused.about("wr0ng"), 0);
}

#[tokio::test]
async fn what_is_wrong_at_the_start_ends_it() {
    let server = server().await;
    let run = async |address: &str, token: &str, to: &str| {
        let output = Command::new(BINARY)
            .args(["listen", "--forward-to", to, "--server", address, "--token", token])
            .output()
            .await
            .expect("it ends");
        output.status.code()
    };
    assert_eq!(run("http://127.0.0.1:1", "x", "http://localhost:1/").await, Some(5));
    assert_eq!(run(server.base(), "wrong", "http://localhost:1/").await, Some(4));
    assert_eq!(run(server.base(), "test-admin-token", "localhost:8000").await, Some(2));
}

#[tokio::test]
async fn whatever_a_program_answers_is_logged_and_only_its_listener_moves_a_position() {
    let server = server().await;
    let listener = server.post("/listeners", json!({"name": "x", "forward_to": "http://localhost:1/"}), 200).await;
    let id = listener["id"].as_str().expect("an id");
    let event = server.send("invoice.paid").await;
    for name in [format!("listen:{id}"), format!("listen-{id}")] {
        let of = format!("/consumers/{name}");
        server.call(Method::GET, &of, None).await.expect(404);
        server.call(Method::GET, &format!("{of}/events"), None).await.expect(404);
        server.post(&format!("{of}/ack"), json!({"sequence": 1}), 404).await;
        server.call(Method::DELETE, &of, None).await.expect(404);
    }
    assert_eq!(server.get("/consumers").await["data"], json!([]));
    // It is never called from here: nothing about it can be wrong.
    let mut doctor = std::process::Command::new(BINARY);
    let doctor = doctor.args(["doctor", "--data-dir"]).arg(server.data_dir()).envs(server.environment()).output();
    let doctor = doctor.expect("runs");
    let said = String::from_utf8_lossy(&doctor.stdout).into_owned();
    assert!(doctor.status.success() && !said.contains("webhook"), "{said}");
    let odd = format!("<html>\r\n\t\u{0}\u{7f}{}", "x".repeat(30_000));
    let report = json!({"event_id": event, "sequence": 1, "at": "2026-01-01T00:00:00Z", "duration_ms": 1, "status_code": 500,
        "error": {"kind": "status", "message": ""}, "response_body": odd});
    server.post(&format!("/listeners/{id}/attempts"), report, 200).await;
    server.call(Method::DELETE, &format!("/endpoints/{id}"), None).await.expect(204);
    server.call(Method::GET, &format!("/listeners/{id}/events"), None).await.expect(404);
}
