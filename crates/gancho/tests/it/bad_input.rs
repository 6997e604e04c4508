//! Bad input gets a clear error that names the field, and nothing is half done.

use gancho_testkit::{Answer, Server};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use reqwest::Method;
use serde_json::{Value, json};

use crate::server;

async fn raw(server: &Server, method: Method, path: &str, kind: &str, body: Vec<u8>) -> Answer {
    let request = server.request(method, &format!("/api/v1{path}")).bearer_auth("test-admin-token");
    server.answer(request.header("content-type", kind).body(body)).await.expect("the server answers")
}

fn fields(answer: &Answer) -> Vec<&str> {
    let errors = answer.body["errors"].as_array().map_or(&[][..], Vec::as_slice);
    errors.iter().filter_map(|error| error["field"].as_str()).collect()
}

#[tokio::test]
async fn what_is_not_json() {
    let server = server().await;
    let deep = format!("{}1{}", "[".repeat(500), "]".repeat(500));
    let twice = r#"{"event":"a.b","event":"a.c","data":{"object":{}}}"#;
    let inside = r#"{"event":"a.b","data":{"object":{"x":1,"x":2}}}"#;
    let cases: Vec<(&[u8], u16)> = vec![
        (b"", 400),
        (b"{", 400),
        (b"nonsense", 400),
        (b"{}{}", 400),
        (b"\xff\xfe", 400),
        (b"{\"event\":\"\xff\"}", 400),
        (deep.as_bytes(), 400),
        (twice.as_bytes(), 400),
        (inside.as_bytes(), 400),
        (br#"{"event":"a.b","data":{"object":{"n":1e999}}}"#, 400),
        (br#"{"event":"a.b","data":{"object":{"n":123456789012345678901234567890}}}"#, 400),
        (b"null", 422),
        (b"[]", 422),
        (b"7", 422),
        (b"\"x\"", 422),
        (b"[1]", 422),
    ];
    for (body, status) in cases {
        let answer = raw(&server, Method::POST, "/events", "application/json", body.to_vec()).await;
        assert_eq!(answer.status, status, "{}: {}", String::from_utf8_lossy(body), answer.body);
        assert_eq!(answer.headers["content-type"], "application/problem+json");
        assert_eq!(answer.body["status"], status);
    }
    let good = br#"{"event":"a.b","data":{"object":{}}}"#.to_vec();
    for kind in ["text/plain", "application/x-www-form-urlencoded", ""] {
        assert_eq!(raw(&server, Method::POST, "/events", kind, good.clone()).await.status, 415, "{kind}");
    }
    let large = vec![b' '; 1024 * 1024 + 1];
    assert_eq!(raw(&server, Method::POST, "/events", "application/json", large).await.status, 413);
    assert_eq!(raw(&server, Method::POST, "/events", "application/json; charset=utf-8", good).await.status, 202);
    assert_eq!(server.get("/events").await["data"].as_array().map(Vec::len), Some(1));
}

/// A call, a body, and the fields that are wrong in it.
fn wrong_bodies() -> Vec<(&'static str, Value, Vec<&'static str>)> {
    vec![
        (
            "/events",
            json!({"event": "Bad", "data": {"object": 1, "x": 2}, "id": "a b", "created": "now", "extra": 1}),
            vec!["event", "id", "created", "data.object", "data.x", "extra"],
        ),
        (
            "/events",
            json!([{"event": "a.b", "data": {"object": {}}}, {"event": "endpoint.failing", "data": {"object": {}}}]),
            vec!["[1].event"],
        ),
        ("/events", json!({"event": "a.b"}), vec!["data"]),
        ("/events", json!({"event": "a.b", "data": {}}), vec!["data.object"]),
        ("/events", json!({"event": "a.b", "data": []}), vec!["data"]),
        ("/endpoints", json!({}), vec!["url", "events"]),
        (
            "/endpoints",
            json!({"url": "ftp://x", "events": [], "timeout_ms": 1, "retry": {"delays_s": [-1], "x": 1}, "rate_per_s": 0,
            "max_in_flight": 1000, "headers": {"Host": "x", "A": 1}, "sources": ["x"], "enabled": "yes", "name": "", "secret": "short"}),
            vec![
                "url",
                "events",
                "secret",
                "name",
                "enabled",
                "sources",
                "timeout_ms",
                "rate_per_s",
                "max_in_flight",
                "retry.delays_s",
                "retry.x",
                "headers.A",
                "headers.Host",
            ],
        ),
        ("/endpoints", json!({"url": "https://u:p@x.example", "events": ["*"]}), vec!["url"]),
        (
            "/endpoints",
            json!({"url": "https://x.example", "events": ["*"], "headers": {"X-Webhook-Id": "1"}}),
            vec!["headers.X-Webhook-Id"],
        ),
        (
            "/endpoints",
            json!({"url": "https://x.example", "events": ["*"], "condition": "total > 1", "template": "{{ data"}),
            vec!["condition", "template"],
        ),
        (
            "/endpoints",
            json!({"url": "https://x.example", "events": ["*"], "secret": "whsec_not base64"}),
            vec!["secret"],
        ),
        (
            "/sources",
            json!({"name": "x", "kind": "smoke", "time_zone": "Mars/Olympus", "models": ["settings"]}),
            vec!["kind", "time_zone", "models"],
        ),
        ("/tokens", json!({"scope": "god"}), vec!["name", "scope"]),
    ]
}

#[tokio::test]
async fn every_wrong_field_is_named() {
    let server = server().await;
    for (path, body, right) in wrong_bodies() {
        let answer = server.call(Method::POST, path, Some(body.clone())).await;
        assert_eq!(answer.status, 422, "{body}: {}", answer.body);
        let mut named = fields(&answer);
        let mut right = right;
        named.sort_unstable();
        right.sort_unstable();
        assert_eq!(named, right, "{}", answer.body);
    }
    for path in ["/events", "/endpoints", "/sources", "/tokens"] {
        assert_eq!(server.get(path).await["data"], json!([]), "nothing is half done");
    }
}

#[tokio::test]
async fn wrong_changes() {
    let server = server().await;
    let source = server.post("/sources", json!({"kind": "plugin", "name": "ERP"}), 201).await;
    let token = source["token"].as_str().expect("a token");
    let send = |body: Value| server.call_as(token, Method::POST, "/changes", Some(body));
    let good = json!({"model": "Cliente", "operation": "insert", "key": 1, "after": {}});
    let with = |name: &str, value: Value| {
        let mut one = good.clone();
        one[name] = value;
        one
    };
    let cases = [
        (json!({"changes": []}), vec!["changes"]),
        (json!({"changes": vec![good.clone(); 1001]}), vec!["changes"]),
        (json!({}), vec!["changes"]),
        (json!({"changes": [good, with("model", json!(""))]}), vec!["changes[1].model"]),
        (json!({"changes": [with("operation", json!("upsert"))]}), vec!["changes[0].operation"]),
        (json!({"changes": [with("operation", json!("delete"))]}), vec!["changes[0].before"]),
        (json!({"changes": [with("after", Value::Null)]}), vec!["changes[0].after"]),
        (json!({"changes": [with("key", json!(1.5))]}), vec!["changes[0].key"]),
        (json!({"changes": [with("key", json!("\u{0}"))]}), vec!["changes[0].key"]),
        (json!({"changes": [with("after", json!([]))]}), vec!["changes[0].after"]),
        (json!({"changes": [with("at", json!("soon"))]}), vec!["changes[0].at"]),
        (json!({"changes": [with("what", json!(1))]}), vec!["changes[0].what"]),
    ];
    for (body, right) in cases {
        let answer = send(body).await;
        assert_eq!(answer.status, 422, "{}", answer.body);
        assert_eq!(fields(&answer), right, "{}", answer.body);
    }
    let unknown = send(json!({"changes": [with("model", json!("NobodyKnows"))]})).await.expect(202);
    assert_eq!(unknown, json!({"accepted": 1, "duplicates": 0, "events": []}));
    server.call(Method::POST, "/changes", Some(json!({"changes": [good]}))).await.expect(422);
    assert_eq!(server.get("/events").await["data"], json!([]));
}

#[tokio::test]
async fn what_is_not_there() {
    let server = server().await;
    for path in [
        "/nothing",
        "/endpoints/x",
        "/endpoints/ep_00000000000000000000000000",
        "/events/evt_x",
        "/deliveries/é",
        "/sources/ep_1",
    ] {
        let answer = server.call(Method::GET, path, None).await;
        assert_eq!(answer.status, 404, "{path}");
        assert_eq!(answer.headers["content-type"], "application/problem+json", "{path}");
    }
    let gone = "/endpoints/ep_00000000000000000000000000/retry";
    let answer = server.call(Method::POST, gone, None).await;
    let said = "there is no such endpoint ep_00000000000000000000000000: it may have been removed";
    assert_eq!((answer.status, &answer.body["detail"]), (404, &json!(said)));
    let answer = server.call(Method::PUT, "/endpoints", None).await;
    assert_eq!(answer.status, 405);
    assert_eq!(answer.body["status"], 405);
    server.call(Method::GET, "/endpoints?after=nonsense", None).await.expect(422);
}

/// Whatever is sent, on every route that takes a body: an answer below 500, and a server that lives on.
#[tokio::test]
async fn mutated_bodies_never_break_it() {
    let server = server().await;
    let endpoint = server.add_endpoint("https://x.example/hook", &["nothing.ever"]).await;
    let of = |rest: &str| format!("/endpoints/{}{rest}", endpoint["id"].as_str().expect("an id"));
    let source = server.post("/sources", json!({"kind": "plugin", "name": "ERP"}), 201).await;
    let source = source["id"].as_str().expect("an id");
    let change = json!({"id": "a", "model": "FacturaCliente", "operation": "update", "key": 1, "burst": "x", "at": 1,
        "before": {"pagada": false, "idestado": 10, "lines": [{"idlinea": 1}]}, "after": {"pagada": true, "idestado": 11, "lines": []}});
    let endpoint = json!({"url": "https://x.example", "events": ["a.*"], "headers": {"X-A": "b"}, "retry": {"delays_s": [5, 25]}, "timeout_ms": 1000});
    let routes = [
        (
            Method::POST,
            "/events".to_owned(),
            json!({"event": "a.b", "data": {"object": {"n": 1.5, "t": "ñ"}}, "id": "x", "created": 1}),
        ),
        (Method::POST, format!("/changes?source={source}"), json!({"changes": [change]})),
        (Method::POST, "/endpoints".into(), endpoint.clone()),
        (Method::PATCH, of(""), endpoint),
        (Method::POST, of("/rotate-secret"), json!({"overlap_s": 60, "finish": false})),
        (Method::POST, of("/test"), json!({"event": "invoice.paid"})),
        (
            Method::POST,
            of("/replay"),
            json!({"since": "2026-01-01T00:00:00Z", "until": "2026-02-01T00:00:00Z", "events": ["a.*"], "only": "all", "dry_run": true}),
        ),
        (
            Method::POST,
            "/sources".into(),
            json!({"kind": "plugin", "name": "x", "time_zone": "Europe/Madrid", "models": ["Cliente"]}),
        ),
        (Method::PATCH, format!("/sources/{source}"), json!({"name": "y", "models": null})),
        (Method::POST, "/tokens".into(), json!({"name": "x", "scope": "read"})),
    ];
    let seed = std::env::var("GANCHO_TEST_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(2026);
    let mut rng = StdRng::seed_from_u64(seed);
    for round in 0..60 {
        for (method, path, body) in &routes {
            let mut mutated = body.clone();
            mutate(&mut mutated, &mut rng);
            let mut bytes = mutated.to_string().into_bytes();
            if round % 3 == 0 {
                let at = rng.random_range(0..bytes.len());
                bytes[at] = rng.random();
            }
            let shown = String::from_utf8_lossy(&bytes).into_owned();
            let answer = raw(&server, method.clone(), path, "application/json", bytes).await;
            assert!(answer.status < 500, "seed {seed}: {method} {path} {shown}: {}", answer.body);
        }
    }
    assert_eq!(server.answer(server.request(Method::GET, "/readyz")).await.expect("alive").status, 200);
}

/// Changes one place of a value: another type, an extreme, something missing, something more.
fn mutate(value: &mut Value, rng: &mut StdRng) {
    let descend = rng.random_bool(0.7);
    match value {
        Value::Object(map) if descend && !map.is_empty() => {
            let key = map.keys().nth(rng.random_range(0..map.len())).cloned().expect("in range");
            match rng.random_range(0..10) {
                0 => drop(map.remove(&key)),
                1 => drop(map.insert("\u{0}odd\u{FFFF}".into(), json!(1))),
                _ => mutate(&mut map[&key], rng),
            }
        }
        Value::Array(items) if descend && !items.is_empty() => {
            let at = rng.random_range(0..items.len());
            if rng.random_bool(0.2) { items.push(items[at].clone()) } else { mutate(&mut items[at], rng) }
        }
        other => {
            let extremes = [
                Value::Null,
                json!(true),
                json!(0),
                json!(-1),
                json!(i64::MIN),
                json!(u64::MAX),
                json!(1e308),
                json!(0.1),
                json!(""),
                json!("\u{0}"),
                json!("x".repeat(5000)),
                json!("😀\u{202E}'\"<>;--"),
                json!([]),
                json!({}),
                json!([[[[[[]]]]]]),
                json!({"a": {"b": null}}),
                json!("2026-13-45T99:99:99Z"),
            ];
            *other = extremes[rng.random_range(0..extremes.len())].clone();
        }
    }
}
