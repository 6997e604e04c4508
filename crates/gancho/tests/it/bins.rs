//! Bins: temporary URLs that keep what they receive, and answer as they are set.

use gancho_testkit::{Server, ServerOptions};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{BINARY, server};

/// What a client gets that sends this to a URL: status, content type, body.
async fn send(method: Method, url: &str, body: &'static [u8]) -> (u16, String, String) {
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    let answer = http.request(method, url).header("x-two", "a").header("x-two", "b").body(body).send().await;
    let answer = answer.expect("it answers");
    let kind = answer.headers().get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or_default().to_owned();
    (answer.status().as_u16(), kind, answer.text().await.expect("text"))
}

fn url_of(bin: &Value) -> String {
    bin["url"].as_str().expect("a URL").to_owned()
}

#[tokio::test]
async fn whatever_comes_is_kept_and_answered_as_plain_text() {
    let server = server().await;
    let respond = json!({"status": 418, "body": "<script>alert(1)</script>", "every": 2});
    let bin = server.post("/bins", json!({"ttl_s": 3600, "respond": respond}), 201).await;
    let url = url_of(&bin);
    assert!(url.starts_with(&format!("{}/bin/bin_", server.base())), "{url}");
    assert_eq!(send(Method::POST, &format!("{url}/deep/path?x=1&y"), b"{\"a\":1}").await.0, 200, "only each second");
    let (status, kind, body) = send(Method::PUT, &url, b"\xff\x00not text").await;
    assert_eq!((status, kind.as_str(), body.as_str()), (418, "text/plain; charset=utf-8", "<script>alert(1)</script>"));
    let path = format!("/bins/{}/requests", bin["id"].as_str().expect("an id"));
    let kept = server.get(&path).await;
    let (first, second) = (&kept["data"][0], &kept["data"][1]);
    assert_eq!(
        (&first["method"], &first["path"], &first["body"]),
        (&json!("POST"), &json!("/deep/path?x=1&y"), &json!("{\"a\":1}"))
    );
    let twice = first["headers"].as_array().expect("a list").iter().filter(|pair| pair[0] == "x-two").count();
    assert_eq!(twice, 2, "in their order, none joined");
    assert_eq!((&second["method"], &second["body_base64"]), (&json!("PUT"), &json!("/wBub3QgdGV4dA==")));
    assert_eq!(kept["next"], "2");
    assert_eq!(server.get(&format!("{path}?after=1")).await["data"].as_array().expect("a list").len(), 1);
    assert_eq!(first["signature_valid"], Value::Null, "no webhook has this URL");
}

#[tokio::test]
async fn a_webhook_s_signature_is_checked_on_sight() {
    let server = server().await;
    let bin = server.post("/bins", json!({}), 201).await;
    server.add_endpoint(&url_of(&bin), &["demo.*"]).await;
    server.send("demo.made").await;
    let path = format!("/bins/{}/requests?wait=30", bin["id"].as_str().expect("an id"));
    let kept = server.get(&path).await;
    assert_eq!((&kept["data"][0]["signature_valid"], kept["data"].as_array().map(Vec::len)), (&json!(true), Some(1)));
    send(Method::POST, &url_of(&bin), b"{}").await;
    assert_eq!(server.get(&path.replace("?wait=30", "?after=1")).await["data"][0]["signature_valid"], json!(false));
}

#[tokio::test]
async fn what_a_bin_answers_is_changed_and_it_goes() {
    let server = server().await;
    let bin = server.post("/bins", json!({}), 201).await;
    let (url, of) = (url_of(&bin), format!("/bins/{}", bin["id"].as_str().expect("an id")));
    assert_eq!(send(Method::GET, &url, b"").await.0, 200);
    server.patch(&of, json!({"respond": {"status": 503, "delay_ms": 5}})).await;
    assert_eq!(send(Method::POST, &url, b"").await.0, 503);
    assert_eq!(server.get("/bins").await["data"][0]["respond"]["status"], 503);
    server.call(Method::DELETE, &of, None).await.expect(204);
    assert_eq!(send(Method::POST, &url, b"").await.0, 404, "gone");
    assert_eq!(send(Method::POST, &format!("{}/bin/nothing", server.base()), b"").await.0, 404);
    for wrong in
        [json!({"ttl_s": 5}), json!({"respond": {"status": 100}}), json!({"respond": {"every": 0}}), json!({"x": 1})]
    {
        server.post("/bins", wrong, 422).await;
    }
}

#[tokio::test]
async fn what_is_too_large_is_cut_or_refused_and_a_restart_keeps_the_rest() {
    let options = ServerOptions::default().env("GANCHO_REQUEST_BYTES", 400_000);
    let mut server = Server::start(BINARY, options).await;
    let bin = server.post("/bins", json!({}), 201).await;
    let path = format!("/bins/{}/requests", bin["id"].as_str().expect("an id"));
    static LARGE: [u8; 300_000] = [b'x'; 300_000];
    static TOO_LARGE: [u8; 400_001] = [b'x'; 400_001];
    assert_eq!(send(Method::POST, &url_of(&bin), &LARGE).await.0, 200);
    assert_eq!(send(Method::POST, &url_of(&bin), &TOO_LARGE).await.0, 413);
    let length = |kept: &Value| kept["data"][0]["body"].as_str().map(str::len);
    let kept = server.get(&path).await;
    assert_eq!((length(&kept), &kept["data"][0]["truncated"]), (Some(256 * 1024), &json!(true)));
    server.stop().await;
    server.run().await;
    assert_eq!(length(&server.get(&path).await), Some(256 * 1024));
}

/// What a client gets on a connection of its own that sends a request: bytes, or how the connection broke.
fn raw(url: &str) -> std::io::Result<Vec<u8>> {
    use std::io::{Read, Write};
    let url = url::Url::parse(url).expect("a URL");
    let host = format!("{}:{}", url.host_str().expect("a host"), url.port().expect("a port"));
    let mut stream = std::net::TcpStream::connect(&host)?;
    stream.set_read_timeout(Some(std::time::Duration::from_secs(30)))?;
    stream.write_all(format!("GET {} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n", url.path()).as_bytes())?;
    let mut heard = vec![];
    stream.read_to_end(&mut heard)?;
    Ok(heard)
}

#[tokio::test]
async fn a_fault_resets_the_connection_or_trickles_the_body() {
    let server = server().await;
    let bin = server.post("/bins", json!({"respond": {"fault": "reset"}}), 201).await;
    let (url, of) = (url_of(&bin), format!("/bins/{}", bin["id"].as_str().expect("an id")));
    let of_reset = url.clone();
    let broken = tokio::task::spawn_blocking(move || raw(&of_reset)).await.expect("it ran").expect_err("a reset");
    assert_eq!(broken.kind(), std::io::ErrorKind::ConnectionReset);
    assert_eq!(server.get(&format!("{of}/requests")).await["data"].as_array().map(Vec::len), Some(1), "it was kept");
    server.patch(&of, json!({"respond": {"fault": "trickle", "body": "ab"}})).await;
    let heard = tokio::task::spawn_blocking(move || raw(&url)).await.expect("it ran").expect("an answer");
    let heard = String::from_utf8_lossy(&heard).into_owned();
    assert!(heard.contains("1\r\na\r\n1\r\nb\r\n"), "each byte is a piece of its own: {heard}");
    server.post("/bins", json!({"respond": {"fault": "explode"}}), 422).await;
}

#[tokio::test]
async fn a_bin_of_this_server_is_a_webhook_without_further_permission() {
    let server = Server::start(BINARY, ServerOptions::default().env("GANCHO_ALLOW_HOSTS", "")).await;
    let bin = server.post("/bins", json!({}), 201).await;
    server.add_endpoint(&url_of(&bin), &["demo.*"]).await;
    let id = bin["id"].as_str().expect("an id");
    server.send("demo.made").await;
    let kept = server.get(&format!("/bins/{id}/requests?wait=30")).await;
    assert_eq!(kept["data"][0]["signature_valid"], json!(true));
    // Nothing else of this server, and nothing else on this machine.
    let base = server.base();
    let elsewhere = base.replace("127.0.0.1", "127.0.0.2");
    for refused in [
        format!("{base}/api/v1/events"),
        format!("{base}/bin/{id}/../../api/v1/events"),
        format!("{base}/bin/{id}/%2e%2e/%2E%2E/api/v1/events"),
        format!("{base}/bin/other"),
        format!("{base}/bin"),
        format!("{elsewhere}/bin/{id}"),
        format!("http://127.0.0.1:1/bin/{id}"),
    ] {
        server.post("/endpoints", json!({"url": refused, "events": ["demo.*"]}), 422).await;
    }
}
