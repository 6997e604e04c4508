//! Receivers that mean harm, or are broken in every way: none holds a slot past its deadline, none
//! reaches a refused address, and the endpoint beside them gets its events.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
    time::Duration,
};

use gancho_testkit::{Family, NameServer, Receiver, Says, Server, ServerOptions};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, UdpSocket},
};

use crate::{BINARY, server};

const TIMEOUT_MS: u64 = 700;

/// Ways of writing an address of this computer, and one that embeds it.
const HOSTS: [&str; 16] = [
    "127.0.0.1",
    "127.1",
    "0.0.0.0",
    "2130706433",
    "0x7f000001",
    "0177.0.0.1",
    "0x7f.1",
    "[::1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[64:ff9b::7f00:1]",
    "[::127.0.0.1]",
    "[2002:7f00:1::]",
    "127。0。0。1",
    "①②⑦.0.0.1",
];

/// A server that does this with every connection, after the request's first bytes.
async fn listen<F: Future<Output = ()> + Send>(
    act: impl Fn(TcpStream) -> F + Send + Sync + Copy + 'static,
) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let address = listener.local_addr().expect("it has an address");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut some = [0; 512];
                // A client that gave up reads as nothing.
                if stream.read(&mut some).await.is_ok_and(|read| read > 0) {
                    act(stream).await;
                }
            });
        }
    });
    address
}

/// The failed delivery to this URL.
async fn outcome(server: &Server, url: &str) -> Value {
    let endpoint = json!({"url": url, "events": ["hostile.*"], "timeout_ms": TIMEOUT_MS, "retry": {"delays_s": []}});
    let endpoint = server.post("/endpoints", endpoint, 201).await;
    server.send("hostile.event").await;
    let id = endpoint["id"].as_str().expect("an id");
    let ended = |list: &Value| list["data"][0].is_object() && list["data"][0]["state"] != "pending";
    let list = server.wait_until(&format!("/deliveries?endpoint={id}"), ended).await;
    let delivery = list["data"][0]["id"].as_str().expect("an id").to_owned();
    server.call(reqwest::Method::DELETE, &format!("/endpoints/{id}"), None).await.expect(204);
    server.get(&format!("/deliveries/{delivery}")).await
}

fn attempt(delivery: &Value) -> &Value {
    assert_eq!(delivery["attempts"].as_array().map(Vec::len), Some(1), "{delivery}");
    &delivery["attempts"][0]
}

/// Answers that take their time. What each is, where, and what it must be called.
async fn slow_answers() -> Vec<(&'static str, SocketAddr, &'static str)> {
    vec![
        (
            "a byte a second in the head",
            listen(|mut stream| async move {
                for byte in b"HTTP/1.1 200 OK\r\nx: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy" {
                    if stream.write_all(&[*byte]).await.is_err() {
                        return;
                    }
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            })
            .await,
            "timeout",
        ),
        (
            "half open",
            listen(|stream| async move {
                tokio::time::sleep(Duration::from_secs(3600)).await;
                drop(stream);
            })
            .await,
            "timeout",
        ),
        (
            "endless interim answers",
            listen(|mut stream| async move {
                while stream.write_all(b"HTTP/1.1 102 Processing\r\n\r\n").await.is_ok() {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            })
            .await,
            "timeout",
        ),
    ]
}

/// Answers that are none, or break off. What each is, where, and what it must be called.
async fn odd_answers() -> Vec<(&'static str, SocketAddr, &'static str)> {
    vec![
        (
            "10,000 headers",
            listen(|mut stream| async move {
                let many: String = (0..10_000).map(|n| format!("x-{n}: y\r\n")).collect();
                let _ = stream.write_all(format!("HTTP/1.1 200 OK\r\n{many}\r\n").as_bytes()).await;
            })
            .await,
            "protocol",
        ),
        (
            "one endless header",
            listen(|mut stream| async move {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nx: ").await;
                while stream.write_all(&[b'y'; 4096]).await.is_ok() {}
            })
            .await,
            "protocol",
        ),
        (
            "not HTTP",
            listen(|mut stream| async move {
                let _ = stream.write_all(b"SSH-2.0-OpenSSH_9.9\r\n\r\n").await;
            })
            .await,
            "protocol",
        ),
        ("closed without an answer", listen(|stream| async move { drop(stream) }).await, "connect"),
    ]
}

#[tokio::test]
async fn every_kind_of_broken_answer() {
    let server = server().await;
    let healthy = Receiver::start().await;
    server.add_endpoint(&healthy.url("/hook"), &["hostile.*"]).await;
    for (what, address, kind) in slow_answers().await.into_iter().chain(odd_answers().await) {
        let delivery = outcome(&server, &format!("http://{address}/hook")).await;
        let attempt = attempt(&delivery);
        assert_eq!(attempt["error"]["kind"], kind, "{what}: {attempt}");
        let took = attempt["duration_ms"].as_u64().expect("a duration");
        assert!(took < TIMEOUT_MS + 500, "{what} took {took} ms");
        assert_eq!(delivery["state"], "failed", "{what}");
    }
    healthy.wait_for(7).await;
}

#[tokio::test]
async fn a_reset_and_a_closed_port() {
    let server = server().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let address = listener.local_addr().expect("it has an address");
    let resetting = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // Closing with unread data, or with a linger of zero, sends RST.
            stream.set_zero_linger().expect("lingers not");
        }
    });
    let delivery = outcome(&server, &format!("http://{address}/")).await;
    assert_eq!(attempt(&delivery)["error"]["kind"], "connect", "{delivery}");
    resetting.abort();
    let _ = resetting.await;
    let delivery = outcome(&server, &format!("http://{address}/")).await;
    assert_eq!(attempt(&delivery)["error"]["kind"], "connect", "{delivery}");
}

#[tokio::test]
async fn large_and_compressed_answers_leave_memory_flat() {
    let server = server().await;
    let endless = listen(|mut stream| async move {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await;
        let chunk = [b"10000\r\n".as_slice(), &[b'z'; 0x10000], b"\r\n"].concat();
        while stream.write_all(&chunk).await.is_ok() {}
    })
    .await;
    let bomb = listen(|mut stream| async move {
        // What a gzip bomb looks like to one who does not unpack: a few bytes that claim to be more.
        let body = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1, 2, 3];
        let head = format!("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n", body.len());
        let _ = stream.write_all(&[head.as_bytes(), &body].concat()).await;
    })
    .await;
    let before = memory_kb(server.pid());
    for _ in 0..20 {
        let delivery = outcome(&server, &format!("http://{endless}/")).await;
        assert_eq!(
            (&delivery["state"], &attempt(&delivery)["response_truncated"]),
            (&json!("delivered"), &json!(true))
        );
    }
    let delivery = outcome(&server, &format!("http://{bomb}/")).await;
    assert_eq!(
        attempt(&delivery)["response_body"].as_str().map(|body| body.chars().count()),
        Some(13),
        "kept as it came"
    );
    let grown = memory_kb(server.pid()).saturating_sub(before);
    assert!(grown < 30_000, "{grown} kB more");
}

fn memory_kb(pid: u32) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("the process");
    let line = text.lines().find(|line| line.starts_with("VmRSS:")).expect("its memory");
    line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).expect("a number")
}

#[tokio::test]
async fn tls_that_never_ends_or_is_not_believed() {
    let server = server().await;
    let silent = listen(|stream| async move {
        tokio::time::sleep(Duration::from_secs(3600)).await;
        drop(stream);
    })
    .await;
    let delivery = outcome(&server, &format!("https://{silent}/")).await;
    assert_eq!(attempt(&delivery)["error"]["kind"], "timeout", "{delivery}");
    let plain = listen(|mut stream| async move {
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    })
    .await;
    let delivery = outcome(&server, &format!("https://{plain}/")).await;
    assert_eq!(attempt(&delivery)["error"]["kind"], "tls", "{delivery}");
}

#[tokio::test]
async fn no_way_of_writing_a_private_address_gets_through() {
    let receiver = Receiver::start().await;
    let port = receiver.url("").rsplit(':').next().expect("a port").to_owned();
    // Made while they were allowed, or by a version that asked less: they are refused at each attempt.
    let options = ServerOptions::default().env("GANCHO_ALLOW_HOSTS", "0.0.0.0/0,::/0");
    let mut server = Server::start(BINARY, options).await;
    let mut made = vec![];
    for host in HOSTS {
        let body = json!({"url": format!("http://{host}:{port}/"), "events": ["hostile.*"], "retry": {"delays_s": []}});
        made.push(server.post("/endpoints", body, 201).await);
    }
    server.stop().await;
    server.set_env("GANCHO_ALLOW_HOSTS", "");
    server.run().await;
    server.send("hostile.event").await;
    for (host, endpoint) in HOSTS.iter().zip(&made) {
        let list = format!("/deliveries?endpoint={}", endpoint["id"].as_str().expect("an id"));
        let list = server.wait_until(&list, |list| list["data"][0]["state"] == "failed").await;
        assert_eq!(list["data"][0]["last"]["error"], "blocked", "{host}");
        // A new one is refused at once, and the sentence says which setting allows it.
        let body = json!({"url": format!("http://{host}:{port}/"), "events": ["hostile.*"]});
        let answer = server.call(reqwest::Method::POST, "/endpoints", Some(body)).await.expect(422);
        let (field, message) = (&answer["errors"][0]["field"], answer["errors"][0]["message"].as_str());
        assert!(field == "url" && message.is_some_and(|text| text.contains("allow_hosts")), "{host}: {answer}");
    }
    assert!(receiver.received().is_empty());
}

#[tokio::test]
async fn names_that_lead_to_private_addresses() {
    let (good, evil) = (Ipv4Addr::new(127, 0, 0, 2), Ipv4Addr::LOCALHOST);
    let listener = TcpListener::bind("0.0.0.0:0").await.expect("a port is free");
    let port = listener.local_addr().expect("it has an address").port();
    let reached = Arc::new(Mutex::new(vec![]));
    let noting = reached.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            noting.lock().expect("unbroken").push(stream.local_addr().expect("an address").ip());
            let mut some = [0; 4096];
            let _ = stream.read(&mut some).await;
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").await;
        }
    });
    // Only 127.0.0.2 is allowed: first alone, then beside a refused one, then the refused one alone, then nothing.
    let mut answers = vec![vec![good], vec![good, evil], vec![evil], vec![]].into_iter();
    let dns = NameServer::start(move |_, family| match family {
        Family::V4 => Says::Addresses(answers.next().unwrap_or_default().into_iter().map(IpAddr::V4).collect()),
        Family::V6 => Says::Addresses(vec![]),
    })
    .await;
    let options = ServerOptions::default().env("GANCHO_ALLOW_HOSTS", "127.0.0.2/32");
    let options = options.env("GANCHO_DNS_SERVERS", dns.address());
    let server = Server::start(BINARY, options).await;
    let mut kinds = vec![];
    for _ in 0..4 {
        let delivery = outcome(&server, &format!("http://changing.example:{port}/")).await;
        kinds.push(attempt(&delivery)["error"]["kind"].as_str().unwrap_or("delivered").to_owned());
    }
    assert_eq!(kinds, ["delivered", "blocked", "blocked", "dns"]);
    assert_eq!(*reached.lock().expect("unbroken"), [IpAddr::from(good)]);
}

#[tokio::test]
async fn a_name_server_that_is_silent_holds_nothing() {
    let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a port is free");
    let dns = socket.local_addr().expect("it has an address");
    let server = Server::start(BINARY, ServerOptions::default().env("GANCHO_DNS_SERVERS", dns)).await;
    let delivery = outcome(&server, "http://silent.example/").await;
    let attempt = attempt(&delivery);
    assert_eq!(attempt["error"]["kind"], "timeout", "{delivery}");
    assert!(attempt["duration_ms"].as_u64().is_some_and(|took| took < TIMEOUT_MS + 500));
}

#[tokio::test]
async fn the_dead_and_the_hanging_don_t_hold_the_healthy_up() {
    let server = server().await;
    let healthy = Receiver::start().await;
    let hanging = listen(|stream| async move {
        tokio::time::sleep(Duration::from_secs(3600)).await;
        drop(stream);
    })
    .await;
    let dead = TcpListener::bind("127.0.0.1:0").await.expect("a port is free").local_addr().expect("an address");
    for n in 0..20 {
        server.add_endpoint(&healthy.url(&format!("/{n}")), &["*"]).await;
    }
    for bad in [hanging, dead] {
        server.add_endpoint(&format!("http://{bad}/"), &["*"]).await;
    }
    for _ in 0..10 {
        let events: Vec<Value> = (0..20).map(|n| json!({"event": "demo.made", "data": {"object": {"n": n}}})).collect();
        server.post("/events", Value::from(events), 202).await;
    }
    // The hanging one takes ten seconds for its first eight; these 4,000 do not wait for it.
    healthy.wait_for(4_000).await;
    let endpoints = server.get("/endpoints?limit=500").await;
    let waiting = endpoints["data"].as_array().expect("a list")[20]["health"]["pending"].as_u64();
    assert!(waiting.is_some_and(|waiting| waiting >= 150), "{waiting:?} wait for the hanging one");
}
