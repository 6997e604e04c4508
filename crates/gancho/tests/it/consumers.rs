//! Consumers: programs that read the feed at their own pace, with a position that the server keeps.

use gancho_testkit::Server;
use reqwest::Method;
use serde_json::{Value, json};

use crate::server;

fn types(page: &Value) -> Vec<&str> {
    page["data"].as_array().expect("a list").iter().filter_map(|event| event["event"].as_str()).collect()
}

async fn acknowledge(server: &Server, sequence: u64, status: u16) -> Value {
    server.post("/consumers/books/ack", json!({ "sequence": sequence }), status).await
}

#[tokio::test]
async fn what_is_not_acknowledged_comes_again_also_after_a_kill() {
    let mut server = server().await;
    for event in ["invoice.created", "customer.created", "invoice.paid"] {
        server.send(event).await;
    }
    let made = server.post("/consumers", json!({"name": "books", "types": ["invoice.*"]}), 201).await;
    assert_eq!((&made["position"], &made["behind"], &made["acked_at"]), (&json!(0), &json!(3), &Value::Null));
    server.post("/consumers", json!({"name": "books"}), 409).await;
    for _ in 0..2 {
        let page = server.get("/consumers/books/events?limit=1").await;
        assert_eq!((types(&page), page["next"].as_str()), (vec!["invoice.created"], Some("1")));
    }
    let acked = acknowledge(&server, 1, 200).await;
    assert_eq!((&acked["position"], &acked["behind"]), (&json!(1), &json!(2)));
    assert_eq!(acknowledge(&server, 0, 200).await["position"], 1, "forward only");
    acknowledge(&server, 4, 409).await;
    server.kill().await;
    server.run().await;
    let page = server.get("/consumers/books/events").await;
    assert_eq!((types(&page), page["next"].as_str()), (vec!["invoice.paid"], Some("3")));
    acknowledge(&server, 3, 200).await;
    let waiting = server.get("/consumers/books/events?wait=30");
    let sending = server.send("invoice.created");
    let (page, _) = tokio::join!(waiting, sending);
    assert_eq!((types(&page), &page["data"][0]["sequence"]), (vec!["invoice.created"], &json!(4)));
    assert_eq!(server.get("/consumers").await["data"][0]["name"], "books");
    server.call(Method::DELETE, "/consumers/books", None).await.expect(204);
    server.call(Method::GET, "/consumers/books/events", None).await.expect(404);
    acknowledge(&server, 1, 404).await;
}

#[tokio::test]
async fn where_one_begins_and_who_may_do_what() {
    let server = server().await;
    server.send("invoice.created").await;
    let position = async |name: &str, from: Value| {
        server.post("/consumers", json!({"name": name, "from": from}), 201).await["position"].clone()
    };
    assert_eq!(position("a", json!(1)).await, 1);
    assert_eq!(position("b", json!("latest")).await, 1);
    assert_eq!(position("c", json!("2020-01-01T00:00:00Z")).await, 0);
    assert_eq!(position("d", json!("2999-01-01T00:00:00Z")).await, 1);
    for wrong in [
        json!({"name": ""}),
        json!({"name": ".."}),
        json!({"name": "a/b"}),
        json!({"name": "x", "from": 2}),
        json!({"name": "x", "from": -1}),
        json!({"name": "x", "from": "soon"}),
        json!({"name": "x", "types": ["No Pattern"]}),
        json!({"name": "x", "sources": ["src_1"]}),
        json!({"name": "x", "more": 1}),
    ] {
        server.post("/consumers", wrong, 422).await;
    }
    let token = async |scope: &str| {
        let made = server.post("/tokens", json!({"name": scope, "scope": scope}), 201).await;
        made["token"].as_str().expect("a token").to_owned()
    };
    let (read, ingest) = (token("read").await, token("ingest").await);
    let call = async |token: &str, method, path: &str, body| server.call_as(token, method, path, body).await;
    call(&read, Method::GET, "/consumers/a/events", None).await.expect(200);
    call(&read, Method::POST, "/consumers/a/ack", Some(json!({"sequence": 1}))).await.expect(200);
    call(&read, Method::POST, "/consumers", Some(json!({"name": "y"}))).await.expect(403);
    call(&read, Method::DELETE, "/consumers/a", None).await.expect(403);
    call(&ingest, Method::GET, "/consumers/a/events", None).await.expect(403);
}

#[tokio::test]
async fn the_feed_is_filtered_by_dates_as_users_of_the_erp_write_them() {
    let server = server().await;
    for created in [1_000, 2_000, 3_000] {
        server.post("/events", json!({"event": "shop.thing", "data": {"object": {}}, "created": created}), 202).await;
    }
    let dates = async |query: &str| -> Vec<i64> {
        let page = server.get(&format!("/events?{query}")).await;
        page["data"].as_array().expect("a list").iter().filter_map(|event| event["created"].as_i64()).collect()
    };
    assert_eq!(dates("filter[created_gt]=2000").await, [3_000]);
    assert_eq!(dates("filter%5Bcreated_gte%5D=2000").await, [2_000, 3_000]);
    assert_eq!(dates("filter[created_lt]=2000").await, [1_000]);
    assert_eq!(dates("created_lte=1970-01-01%2000:33:20").await, [1_000, 2_000]);
    assert_eq!(dates("filter[created_gt]=1970-01-01T00:20:00Z&filter[created_lt]=1970-01-01T00:40:00Z").await, [2_000]);
    assert_eq!(dates("filter[created_gte]=1970-01-02").await, [0_i64; 0]);
    for wrong in
        ["filter[created_gt]=soon", "filter[created]=1", "filter[created_gt]=", "filter[created_gt]=2026-13-01"]
    {
        server.call(Method::GET, &format!("/events?{wrong}"), None).await.expect(422);
    }
}
