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
