//! Who may do what.

use reqwest::Method;
use serde_json::json;

use crate::server;

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
    let secret = format!("{endpoint}/secret");

    // Which status each token gets: admin, read, ingest, a source's own.
    let table: Vec<(Method, &str, Option<serde_json::Value>, [u16; 4])> = vec![
        (Method::GET, "/endpoints", None, [200, 200, 403, 403]),
        (Method::GET, &secret, None, [200, 403, 403, 403]),
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
