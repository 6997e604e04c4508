//! What a receiver answers is read as curl, PHP, Python and Node read it: a 2xx status with its complete header is
//! success, however the body ends and however the header is written.

use std::net::SocketAddr;

use gancho_testkit::Server;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use crate::server;

/// A receiver that writes these bytes, and then closes or waits.
async fn says(bytes: &'static [u8], closes: bool) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let address = listener.local_addr().expect("it has an address");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut request = [0; 16_384];
                let _ = stream.read(&mut request).await;
                let _ = stream.write_all(bytes).await;
                if !closes {
                    // Until the client goes.
                    while stream.read(&mut request).await.is_ok_and(|read| read > 0) {}
                }
            });
        }
    });
    address
}

/// The endpoint and the only delivery to it, after its first attempt.
async fn deliver(server: &Server, address: SocketAddr) -> (String, Value) {
    let body = json!({"url": format!("http://{address}/"), "events": ["lenient.*"], "timeout_ms": 5000,
        "retry": {"delays_s": [3600]}});
    let endpoint = server.post("/endpoints", body, 201).await["id"].as_str().expect("an id").to_owned();
    server.send("lenient.event").await;
    let tried = |list: &Value| list["data"][0]["attempts"] == 1;
    let list = server.wait_until(&format!("/deliveries?endpoint={endpoint}"), tried).await;
    let delivery = server.get(&format!("/deliveries/{}", list["data"][0]["id"].as_str().expect("an id"))).await;
    (format!("/endpoints/{endpoint}"), delivery)
}

async fn remove(server: &Server, endpoint: &str) {
    server.call(reqwest::Method::DELETE, endpoint, None).await.expect(204);
}

#[tokio::test]
async fn success_is_decided_by_status_and_header() {
    let server = server().await;
    for (what, bytes, closes, whole) in [
        ("a short body", &b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"[..], false, true),
        ("Content-Length too large", b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nok", true, false),
        ("Content-Length too large, kept open", b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nok", false, false),
        ("chunked, not ended", b"HTTP/1.1 201 Created\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n", true, false),
        ("chunked, broken", b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nok", true, false),
        ("no length, kept open", b"HTTP/1.1 200 OK\r\n\r\nok", false, false),
        ("no length, closed", b"HTTP/1.1 200 OK\r\n\r\nok", true, true),
        ("HTTP/1.0", b"HTTP/1.0 200 OK\r\n\r\nok", true, true),
        (
            "HTTP/1.0 kept alive",
            b"HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 2\r\n\r\nok",
            false,
            true,
        ),
        ("no reason", b"HTTP/1.1 202\r\ncontent-length: 2\r\n\r\nok", false, true),
        ("lines that end in LF", b"HTTP/1.1 200 OK\ncontent-length: 2\n\nok", false, true),
        ("a space before the colon", b"HTTP/1.1 200 OK\r\nX-A : b\r\ncontent-length: 2\r\n\r\nok", false, true),
        (
            "a folded line",
            b"HTTP/1.1 200 OK\r\nX-A: one\r\n two\r\n\tthree\r\ncontent-length: 2\r\n\r\nok",
            false,
            true,
        ),
        ("a line without a colon", b"HTTP/1.1 200 OK\r\nrubbish\r\ncontent-length: 2\r\n\r\nok", false, true),
        (
            "an interim answer first",
            b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
            false,
            true,
        ),
    ] {
        let (endpoint, delivery) = deliver(&server, says(bytes, closes).await).await;
        let attempt = &delivery["attempts"][0];
        assert_eq!((&delivery["state"], &attempt["error"]), (&json!("delivered"), &Value::Null), "{what}: {attempt}");
        assert_eq!((&attempt["response_truncated"], whole), (&json!(!whole), whole), "{what}: {attempt}");
        assert!(what.contains("broken") || attempt["response_body"] == "ok", "{what}: {attempt}");
        remove(&server, &endpoint).await;
    }
}

#[tokio::test]
async fn what_the_header_says_counts_although_the_body_breaks() {
    let server = server().await;
    let gone = says(b"HTTP/1.1 410 Gone\r\ncontent-length: 100\r\n\r\nno", true).await;
    let (endpoint, delivery) = deliver(&server, gone).await;
    assert_eq!(delivery["last"]["status_code"], 410);
    assert_eq!(server.get(&endpoint).await["disabled_reason"], "gone");
    for (after, at_least_ms) in [
        (&b"HTTP/1.1 503 Later\r\nretry-after: 3700\r\ncontent-length: 100\r\n\r\nno"[..], 3_600_000),
        (b"HTTP/1.1 429 Slow\r\nRetry-After: Sunday, 06-Nov-94 08:49:37 GMT\r\ncontent-length: 9\r\n\r\nno", 3_600_000),
    ] {
        let (endpoint, delivery) = deliver(&server, says(after, true).await).await;
        let at = |value: &Value| -> jiff::Timestamp { value.as_str().expect("a time").parse().expect("a time") };
        let wait = at(&delivery["next_attempt_at"]).duration_since(at(&delivery["attempts"][0]["at"]));
        assert!(wait.as_millis() >= at_least_ms, "{delivery}");
        assert_eq!(delivery["waiting_for"], "attempt");
        remove(&server, &endpoint).await;
    }
}

#[tokio::test]
async fn what_can_not_be_read_says_why_and_shows_the_status() {
    let server = server().await;
    for (bytes, status, why) in [
        (
            &b"HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"[..],
            json!(200),
            "Transfer-Encoding",
        ),
        (b"HTTP/1.1 503 No\r\ncontent-length: many\r\n\r\n", json!(503), "Content-Length"),
        (b"SSH-2.0-OpenSSH_9.9\r\n\r\n", Value::Null, "does not begin as HTTP/1"),
        (b"HTTP/2 200\r\n\r\n", Value::Null, "does not begin as HTTP/1"),
    ] {
        let (endpoint, delivery) = deliver(&server, says(bytes, true).await).await;
        let attempt = &delivery["attempts"][0];
        assert_eq!((&attempt["error"]["kind"], &attempt["status_code"]), (&json!("protocol"), &status), "{attempt}");
        assert!(attempt["error"]["message"].as_str().is_some_and(|text| text.contains(why)), "{attempt}");
        remove(&server, &endpoint).await;
    }
}
