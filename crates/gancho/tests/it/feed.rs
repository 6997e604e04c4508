//! The feed: every event, in order of commit, without holes.

use gancho_testkit::Receiver;
use serde_json::{Value, json};

use crate::server;

fn numbers(feed: &Value) -> Vec<u64> {
    feed["data"].as_array().expect("a list").iter().map(|one| one["sequence"].as_u64().expect("a number")).collect()
}

#[tokio::test]
async fn in_order_without_holes_page_by_page() {
    let server = server().await;
    let send = async |n: usize| {
        let batch: Vec<Value> = (0..n).map(|n| json!({"event": "demo.made", "data": {"object": {"n": n}}})).collect();
        server.post("/events", Value::from(batch), 202).await;
    };
    tokio::join!(send(7), send(5), send(9), send(1), send(8));
    let (mut all, mut after) = (vec![], "0".to_owned());
    loop {
        let page = server.get(&format!("/events?limit=4&after={after}")).await;
        let next = page["next"].as_str().expect("never null").to_owned();
        if numbers(&page).is_empty() {
            assert_eq!(next, after, "the end of the feed is where to ask again");
            break;
        }
        all.extend(numbers(&page));
        after = next;
    }
    assert_eq!(all, (1..=30).collect::<Vec<_>>());
}

#[tokio::test]
async fn filters() {
    let server = server().await;
    let source = server.post("/sources", json!({"kind": "plugin", "name": "ERP"}), 201).await;
    let token = source["token"].as_str().expect("a token");
    let insert =
        |key: &str| json!({"model": "Cliente", "operation": "insert", "key": key, "after": {"codcliente": key}});
    let changes = json!({"changes": [insert("1"), insert("2")]});
    server.call_as(token, reqwest::Method::POST, "/changes", Some(changes)).await.expect(202);
    server.send("demo.made").await;
    assert_eq!(numbers(&server.get("/events?types=customer.*").await), [1, 2]);
    assert_eq!(numbers(&server.get("/events?types=demo.made,nothing.else").await), [3]);
    assert_eq!(numbers(&server.get("/events?object=Cliente:2").await), [2]);
    assert_eq!(numbers(&server.get("/events?since=2100-01-01T00:00:00Z").await), [0; 0]);
    assert_eq!(numbers(&server.get("/events?until=2100-01-01T00:00:00Z&limit=2").await), [1, 2]);
    for bad in ["limit=0", "limit=501", "limit=x", "types=NO", "since=now", "object=x", "sort=up", "limit=1&limit=2"] {
        server.call(reqwest::Method::GET, &format!("/events?{bad}"), None).await.expect(422);
    }
}

#[tokio::test]
async fn waiting_for_news() {
    let server = server().await;
    let (page, id) = tokio::join!(server.get("/events?wait=30&types=demo.*"), async {
        server.send("other.thing").await;
        server.send("demo.made").await
    });
    assert_eq!(page["data"][0]["id"], id);
    assert_eq!(page["next"], "2");
    let empty = server.get("/events?wait=1&after=2").await;
    assert_eq!((numbers(&empty), &empty["next"]), (vec![], &json!("2")));
}

#[tokio::test]
async fn deliveries_filtered_and_paged() {
    let (server, receiver) = (server().await, Receiver::start().await);
    let endpoint = server.add_endpoint(&receiver.url("/a"), &["demo.*"]).await;
    let paused = json!({"url": receiver.url("/b-hook"), "events": ["*"], "paused": true, "name": "Contabilidad"});
    let paused = server.post("/endpoints", paused, 201).await;
    for n in 0..5 {
        let object = json!({"codigo": format!("FAC{n}"), "nombrecliente": "García Muñoz"});
        server.post("/events", json!({"event": "demo.made", "data": {"object": object}}), 202).await;
    }
    let count = |list: &Value| list["data"].as_array().map_or(0, Vec::len);
    let id = |of: &Value| of["id"].as_str().expect("an id").to_owned();
    let (of_a, of_b) = (id(&endpoint), id(&paused));
    server.wait_until(&format!("/deliveries?endpoint={of_a}&state=delivered"), |list| count(list) == 5).await;
    assert_eq!(count(&server.get(&format!("/deliveries?endpoint={of_b}&state=pending")).await), 5);
    assert_eq!(count(&server.get("/deliveries?state=pending").await), 5);
    assert_eq!(count(&server.get("/deliveries?state=failed").await), 0);
    assert_eq!(count(&server.get("/deliveries?q=FAC3").await), 2);
    // Parts of words without case and accents, in the event, the webhook's name and its address.
    for (asked, found) in [
        ("fac3", 2),
        ("conta%20fac3", 1),
        ("contabilidád", 5),
        ("garcia%20muno", 10),
        ("/b-hook", 5),
        ("fac3%20nada", 0),
    ] {
        assert_eq!(count(&server.get(&format!("/deliveries?q={asked}")).await), found, "{asked}");
    }
    assert_eq!(count(&server.get("/deliveries?types=other.*").await), 0);
    let (mut seen, mut after) = (vec![], String::new());
    loop {
        let page = server.get(&format!("/deliveries?limit=3{after}")).await;
        seen.extend(page["data"].as_array().expect("a list").iter().map(id));
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    let mut sorted = seen.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!((seen.len(), sorted.len()), (10, 10), "each once");
}
