//! The document is made from the code; a change of it is seen.

use serde_json::Value;

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
