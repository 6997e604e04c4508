//! Who may do what.

use gancho_testkit::{Engine, ErpApi, FULL_KEY};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{server, upgrade::sign_in_from};

#[tokio::test]
async fn scopes() {
    let server = server().await;
    let make = async |scope: &str| {
        let made = server.post("/tokens", json!({"name": scope, "scope": scope}), 201).await;
        made["token"].as_str().expect("a token").to_owned()
    };
    let (admin, read, ingest) = (make("admin").await, make("read").await, make("ingest").await);
    let a = server.post("/sources", json!({"kind": "plugin", "name": "A"}), 201).await;
    let b = server.post("/sources", json!({"kind": "plugin", "name": "B"}), 201).await;
    let source = a["token"].as_str().expect("a token").to_owned();
    let (own, other) =
        (format!("/sources/{}", a["id"].as_str().unwrap()), format!("/sources/{}", b["id"].as_str().unwrap()));
    let event = json!({"event": "demo.made", "data": {"object": {}}});
    let endpoint = server.add_endpoint("https://example.com/hook", &["nothing.ever"]).await;
    let endpoint = format!("/endpoints/{}", endpoint["id"].as_str().unwrap());
    let (secret, job) = (format!("{endpoint}/secret"), format!("{endpoint}/job"));

    // Which status each token gets: admin, read, ingest, a source's own.
    let table: Vec<(Method, &str, Option<serde_json::Value>, [u16; 4])> = vec![
        (Method::GET, "/endpoints", None, [200, 200, 403, 403]),
        (Method::GET, &secret, None, [200, 403, 403, 403]),
        (Method::GET, &job, None, [404, 404, 403, 403]),
        (Method::PATCH, &endpoint, Some(json!({})), [200, 403, 403, 403]),
        (Method::GET, "/events", None, [200, 200, 403, 403]),
        (Method::GET, "/deliveries", None, [200, 200, 403, 403]),
        (Method::GET, "/event-types", None, [200, 200, 403, 403]),
        (Method::GET, "/sources", None, [200, 200, 403, 403]),
        (Method::GET, &own, None, [200, 200, 403, 200]),
        (Method::GET, &other, None, [200, 200, 403, 403]),
        (Method::GET, "/tokens", None, [200, 403, 403, 403]),
        (Method::POST, "/events", Some(event), [202, 403, 202, 202]),
        (Method::POST, "/tokens", Some(json!({"name": "x"})), [201, 403, 403, 403]),
    ];
    for (method, path, body, right) in table {
        for (token, status) in [&admin, &read, &ingest, &source].into_iter().zip(right) {
            let answer = server.call_as(token, method.clone(), path, body.clone()).await;
            assert_eq!(answer.status, status, "{method} {path}: {}", answer.body);
        }
        let nobody = server.call_as("gancho_wrong", method.clone(), path, body).await;
        assert_eq!(nobody.status, 401, "{method} {path}");
    }
}

#[tokio::test]
async fn both_ways_of_giving_a_token_and_none() {
    let server = server().await;
    let get = |name: &'static str, value: &'static str| {
        server.answer(server.request(Method::GET, "/api/v1/endpoints").header(name, value))
    };
    get("X-Auth-Token", "test-admin-token").await.expect("answers").expect(200);
    get("Authorization", "bearer test-admin-token").await.expect("answers").expect(200);
    get("Authorization", "Basic dGVzdA==").await.expect("answers").expect(401);
    let none = get("X-Other", "x").await.expect("answers");
    assert_eq!(none.headers["content-type"], "application/problem+json");
    assert_eq!(none.expect(401)["status"], 401);
}

#[tokio::test]
async fn a_removed_token_is_refused() {
    let server = server().await;
    let made = server.post("/tokens", json!({"name": "x", "scope": "read"}), 201).await;
    let token = made["token"].as_str().expect("a token");
    server.call_as(token, Method::GET, "/endpoints", None).await.expect(200);
    let path = format!("/tokens/{}", made["id"].as_str().expect("an id"));
    server.call(Method::DELETE, &path, None).await.expect(204);
    server.call_as(token, Method::GET, "/endpoints", None).await.expect(401);
    let source = server.post("/sources", json!({"kind": "plugin", "name": "A"}), 201).await;
    let token = source["token"].as_str().expect("a token");
    let path = format!("/sources/{}", source["id"].as_str().expect("an id"));
    server.call_as(token, Method::GET, &path, None).await.expect(200);
    server.call(Method::DELETE, &path, None).await.expect(204);
    server.call_as(token, Method::GET, &path, None).await.expect(401);
}

/// What opens one door must not be shown at another.
#[tokio::test]
async fn secrets_do_not_follow_an_address_to_another_server() {
    let server = server().await;
    let made = json!({"url": "https://one.example/a", "events": ["*"], "headers": {"X-Key": "S3CRET", "X-Tag": "t"}});
    let made = server.post("/endpoints", made, 201).await;
    let path = format!("/endpoints/{}", made["id"].as_str().expect("an id"));
    let secret = server.get(&format!("{path}/secret")).await;
    // Another path of the same server.
    let same = server.patch(&path, json!({"url": "https://ONE.example:443/b?x=1"})).await;
    assert_eq!((&same["headers"]["X-Key"], &same["dropped"]), (&json!("***"), &Value::Null));
    for (url, headers, kept, dropped) in [
        ("http://one.example/b", json!({"X-Key": "***"}), json!({}), json!(["headers.X-Key", "headers.X-Tag"])),
        ("https://one.example:444/b", Value::Null, json!({}), json!(["headers.X-Key", "headers.X-Tag"])),
        ("https://two.example/b", json!({"x-key": "new"}), json!({"x-key": "***"}), json!(["headers.X-Tag"])),
    ] {
        let again = json!({"url": "https://one.example/a", "headers": {"X-Key": "S3CRET", "X-Tag": "t"}});
        server.patch(&path, again).await;
        let mut change = json!({"url": url});
        if !headers.is_null() {
            change["headers"] = headers;
        }
        let moved = server.patch(&path, change).await;
        assert_eq!((&moved["headers"], &moved["dropped"]), (&kept, &dropped), "{url}");
        assert_eq!(server.get(&format!("{path}/secret")).await, secret, "what signs stays");
    }
    assert!(server.get(&path).await["dropped"].is_null(), "it is said once");
}

#[tokio::test]
async fn an_erp_s_key_does_not_follow_its_address() {
    let (here, there) = (ErpApi::start(Engine::MariaDb).await, ErpApi::start(Engine::MariaDb).await);
    let server = server().await;
    let source = json!({"kind": "api", "name": "ERP", "url": here.url(), "key": FULL_KEY});
    let source = server.post("/sources", source, 201).await;
    let path = format!("/sources/{}", source["id"].as_str().expect("an id"));
    let typed = server.call(Method::PATCH, &path, Some(json!({"url": "erp.example.com/api"}))).await;
    assert_eq!((typed.status, &typed.body["errors"][0]["field"]), (422, &json!("url")), "a slip costs no key");
    let moved = server.patch(&path, json!({"url": there.url()})).await;
    assert_eq!(moved["dropped"], json!(["key"]), "{moved}");
    let reported = server.wait_until(&path, |source| source["last_error"].is_string()).await;
    assert!(reported["last_error"].as_str().is_some_and(|error| error.contains("key")), "{reported}");
    assert_eq!(there.count(|_| true), 0, "it was not asked anything");
    let heard = server.patch(&path, json!({"key": FULL_KEY})).await;
    assert!(heard["dropped"].is_null() && there.count(|_| true) > 0, "{heard}");
}

/// Names from one place are tried no faster than one; whoever tries a name from elsewhere does not shut its owner out.
#[tokio::test]
async fn passwords_are_tried_slowly() {
    let server = server().await;
    let add = tokio::process::Command::new(crate::BINARY)
        .args(["user", "add", "ana", "--role", "admin", "--data-dir"])
        .arg(server.data_dir())
        .envs(server.environment())
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::null())
        .spawn();
    let mut add = add.expect("runs");
    let mut input = add.stdin.take().expect("its input");
    tokio::io::AsyncWriteExt::write_all(&mut input, b"una clave larga\n").await.expect("it reads");
    drop(input);
    assert!(add.wait().await.expect("ends").success());

    // What stands before the last hop is made up anew each time, in one line or in several.
    for n in 0..5 {
        let (one, first) = (format!("198.51.100.{n}, 203.0.113.7"), format!("198.51.100.{n}"));
        let hops: &[&str] = if n % 2 == 0 { &[&one] } else { &[&first, "203.0.113.7"] };
        assert_eq!(sign_in_from(&server, hops, &format!("name{n}"), "wrong").await, 401);
    }
    assert_eq!(sign_in_from(&server, &["9.9.9.9, 203.0.113.7"], "ana", "una clave larga").await, 429, "many names");
    for n in 0..5 {
        assert_eq!(sign_in_from(&server, &[&format!("2001:db8:1:2::{n}")], "ana", "wrong").await, 401);
    }
    assert_eq!(sign_in_from(&server, &["2001:db8:1:2:9::1"], "ana", "wrong").await, 429, "one has all of its /64");
    assert_eq!(sign_in_from(&server, &["203.0.113.8"], "ana", "una clave larga").await, 200, "the owner gets in");
}
