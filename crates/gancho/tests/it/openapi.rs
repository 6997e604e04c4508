//! The document is made from the code; a change of it is seen.

use gancho_testkit::Server;
use reqwest::Method;
use serde_json::{Value, json};

use crate::server;

#[tokio::test]
async fn the_document_is_as_it_was_reviewed() {
    let server = server().await;
    let answer = server.answer(server.request(reqwest::Method::GET, "/api/v1/openapi.json")).await.expect("answers");
    let document = answer.expect(200);
    assert_eq!(document["openapi"], "3.1.0");
    let printed = std::process::Command::new(crate::BINARY).arg("openapi").output().expect("runs");
    let printed: Value = serde_json::from_slice(&printed.stdout).expect("JSON");
    assert_eq!(printed, document);
    insta::assert_json_snapshot!("openapi", document);
}

#[tokio::test]
async fn every_route_of_the_document_is_there_and_asks_for_a_token() {
    let server = server().await;
    let document =
        server.answer(server.request(reqwest::Method::GET, "/api/v1/openapi.json")).await.expect("answers").body;
    let mut routes = 0;
    for (path, methods) in document["paths"].as_object().expect("paths") {
        for method in methods.as_object().expect("methods").keys() {
            let method: reqwest::Method = method.to_uppercase().parse().expect("a method");
            let request = server.request(method.clone(), &path.replace("{id}", "x"));
            let answer = server.answer(request).await.expect("answers");
            assert_eq!(answer.status, 401, "{method} {path}");
            routes += 1;
        }
    }
    assert!(routes >= 25, "{routes}");
}

/// A route of the document, with an id of nothing in its path.
struct Route {
    method: Method,
    path: String,
    statuses: Vec<u16>,
    has_body: bool,
    has_query: bool,
}

fn routes(document: &Value) -> Vec<Route> {
    let mut routes = vec![];
    for (path, methods) in document["paths"].as_object().expect("paths") {
        for (method, operation) in methods.as_object().expect("methods") {
            let responses = operation["responses"].as_object().expect("responses");
            for (status, response) in responses.iter().filter(|(status, _)| status.starts_with(['4', '5'])) {
                let schema = &response["content"]["application/problem+json"]["schema"]["$ref"];
                assert_eq!(schema, "#/components/schemas/ProblemBody", "{method} {path} {status}");
            }
            let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
            routes.push(Route {
                method: method.to_uppercase().parse().expect("a method"),
                path: path.clone(),
                statuses: responses.keys().map(|status| status.parse().expect("a number")).collect(),
                has_body: operation["requestBody"].is_object(),
                has_query: parameters.iter().any(|one| one["in"] == "query"),
            });
        }
    }
    routes
}

/// What is wrong with requests, each with the status that most routes answer it with.
async fn wrong_requests(server: &Server, route: &Route, ids: &[(&str, String)]) -> Vec<(&'static str, u16)> {
    let nothing = "/api/v1/".to_owned()
        + &route.path.trim_start_matches("/api/v1/").replace("{id}", "ep_00000000000000000000000000");
    let known = ids.iter().find(|(noun, _)| route.path.starts_with(&format!("/api/v1/{noun}/")));
    let there = known.map_or(nothing.clone(), |(_, id)| route.path.replace("{id}", id));
    let request = |path: &str| {
        let request = server.request(route.method.clone(), path).bearer_auth(gancho_testkit::ADMIN_TOKEN);
        if route.has_body { request.header("content-type", "application/json").body("{}") } else { request }
    };
    let mut answers = vec![];
    let mut ask = async |what, request: reqwest::RequestBuilder| {
        // Who is still sending when the answer comes may not see it.
        let answer = request.send().await.map(|answer| answer.status().as_u16());
        answers.extend(answer.ok().map(|status| (what, status)));
    };
    ask("nothing of this id", request(&nothing)).await;
    ask("no token", server.request(route.method.clone(), &there)).await;
    let reader = server.request(route.method.clone(), &there).bearer_auth(&ids[0].1);
    ask("another scope", reader).await;
    ask("a query", request(&format!("{there}?limit=x&wait=x&force=x&source=x"))).await;
    if route.has_body {
        ask("no JSON", request(&there).body("{")).await;
        ask("wrong fields", request(&there).body("{\"nonsense\":1}")).await;
        ask("no object", request(&there).body("[7]")).await;
        ask("too large", request(&there).body(vec![b' '; 70 << 20])).await;
        let text = server.request(route.method.clone(), &there).bearer_auth(gancho_testkit::ADMIN_TOKEN);
        ask("no kind", text.header("content-type", "text/plain").body("{}")).await;
    }
    answers
}

#[tokio::test]
async fn every_status_that_a_route_answers_is_in_the_document() {
    let server = server().await;
    let document = server.answer(server.request(Method::GET, "/api/v1/openapi.json")).await.expect("answers").body;
    let token = server.post("/tokens", json!({"name": "other", "scope": "read"}), 201).await;
    let endpoint = server.add_endpoint("http://127.0.0.1:9/", &["*"]).await;
    let source = server.post("/sources", json!({"kind": "plugin", "name": "ERP"}), 201).await;
    let event = server.send("demo.made").await;
    let page = server.get("/deliveries").await;
    let text = |value: &Value| value.as_str().expect("an id").to_owned();
    let ids = [
        ("", text(&token["token"])),
        ("endpoints", text(&endpoint["id"])),
        ("sources", text(&source["id"])),
        ("events", event),
        ("deliveries", text(&page["data"][0]["id"])),
    ];
    let mut seen = std::collections::BTreeSet::new();
    for route in routes(&document) {
        for (what, status) in wrong_requests(&server, &route, &ids).await {
            let Route { method, path, statuses, .. } = &route;
            assert!(statuses.contains(&status), "{method} {path}: {what}: {status} is not among {statuses:?}");
            seen.insert(status);
        }
        assert!(!route.has_query || route.statuses.contains(&422), "{} {}", route.method, route.path);
    }
    for status in [400, 401, 403, 404, 413, 415, 422] {
        assert!(seen.contains(&status), "{status} came from no route");
    }
}
