//! Several servers on one PostgreSQL database.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use gancho_testkit::{Database, Engine, Instance, Pooler, Receiver, Respond, Server, ServerOptions};
use reqwest::Method;
use serde_json::{Value, json};

use crate::BINARY;

/// The key that all nodes of a test have.
const KEY: &str = "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=";

async fn node_on(url: &str) -> Server {
    let options = ServerOptions::default()
        .env("GANCHO_DATABASE_URL", url)
        .env("GANCHO_SECRET_KEY", KEY)
        .env("GANCHO_LOG_LEVEL", "error");
    Server::start(BINARY, options).await
}

/// Three nodes on one database.
async fn three() -> (Database, Vec<Server>) {
    let database = Instance::shared(Engine::Postgres).blank().await;
    let mut nodes = vec![];
    for _ in 0..3 {
        nodes.push(node_on(&database.url).await);
    }
    (database, nodes)
}

/// Sends so many events, each to the next of these nodes; the ids of those that were accepted.
async fn send(nodes: &[&Server], count: usize) -> Vec<String> {
    let mut ids = vec![];
    for n in 0..count {
        let event = json!({"event": "demo.made", "data": {"object": {"n": n}}});
        if let Some(answer) = nodes[n % nodes.len()].try_call(Method::POST, "/events", event).await
            && answer.status == 202
        {
            ids.push(answer.body["id"].as_str().expect("an id").to_owned());
        }
    }
    ids
}

fn signal(server: &Server, name: &str) {
    let status = std::process::Command::new("kill").args(["-s", name, &server.pid().to_string()]).status();
    assert!(status.expect("kill runs").success());
}

/// A receiver that notes how often each event came.
pub async fn counting() -> (Receiver, Arc<Mutex<HashMap<String, u32>>>) {
    let came: Arc<Mutex<HashMap<String, u32>>> = Arc::default();
    let note = came.clone();
    let receiver = Receiver::with(move |one| {
        *note.lock().expect("a map").entry(one.id().to_owned()).or_default() += 1;
        Respond::status(200)
    })
    .await;
    (receiver, came)
}

pub async fn wait_for_all(receiver: &Receiver, came: &Arc<Mutex<HashMap<String, u32>>>, ids: &[String]) {
    let arrived = |_: &[gancho_testkit::Received]| {
        let came = came.lock().expect("a map");
        ids.iter().all(|id| came.contains_key(id))
    };
    receiver.wait_until("every accepted event came", arrived).await;
}

#[tokio::test]
async fn what_one_node_is_told_holds_on_all_of_them() {
    let (_database, nodes) = three().await;
    let [one, two, three] = &nodes[..] else { panic!("three") };
    let list = one.wait_until("/nodes", |list| list["data"].as_array().is_some_and(|all| all.len() == 3)).await;
    let names: HashSet<&str> =
        list["data"].as_array().expect("a list").iter().filter_map(|node| node["name"].as_str()).collect();
    assert_eq!(names.len(), 3, "{list}");

    let receiver = Receiver::start().await;
    let endpoint = one.add_endpoint(&receiver.url("/"), &["demo.*"]).await;
    let path = format!("/endpoints/{}", endpoint["id"].as_str().expect("an id"));
    let first = two.send("demo.made").await;
    assert_eq!(receiver.wait_for(1).await[0].id(), first, "an endpoint that another node added");
    let feed = three.get("/events?after=0&wait=20").await;
    assert_eq!(feed["data"][0]["id"], first.as_str(), "{feed}");

    // Whoever waits at one node for what comes hears of it though another accepted it.
    let after = feed["next"].as_str().expect("a cursor").to_owned();
    let waiting = format!("/events?after={after}&wait=30");
    let mut news = std::pin::pin!(three.get(&waiting));
    // Another answer of the same node shows that the first request is waiting there.
    tokio::select! {
        biased;
        early = &mut news => panic!("nothing was new: {early}"),
        _ = three.get("/nodes") => {}
    }
    let second = one.send("demo.made").await;
    let news = news.await;
    assert_eq!(news["data"][0]["id"], second.as_str(), "{news}");

    three.patch(&path, json!({"paused": true})).await;
    receiver.wait_for(2).await;
    // Within a second it holds everywhere.
    tokio::time::sleep(Duration::from_secs(1)).await;
    for node in &nodes {
        node.send("demo.made").await;
    }
    for node in &nodes {
        let seen = node.get(&path).await;
        assert_eq!((&seen["paused"], &seen["health"]["pending"]), (&json!(true), &json!(3)), "{seen}");
    }
    two.patch(&path, json!({"paused": false})).await;
    receiver.wait_for(5).await;
}

#[tokio::test]
async fn the_limits_of_an_endpoint_hold_over_all_nodes() {
    let (_database, nodes) = three().await;
    let receiver = Receiver::with(|_| Respond::status(200).after(Duration::from_millis(30))).await;
    let slow = json!({"url": receiver.url("/"), "events": ["demo.*"], "max_in_flight": 2});
    nodes[0].post("/endpoints", slow, 201).await;
    let (limited, _came) = counting().await;
    let rate = json!({"url": limited.url("/"), "events": ["demo.*"], "rate_per_s": 20});
    nodes[1].post("/endpoints", rate, 201).await;
    let began = tokio::time::Instant::now();
    let sent = send(&nodes.iter().collect::<Vec<_>>(), 90).await;
    assert_eq!(sent.len(), 90);
    receiver.wait_for(90).await;
    assert!(receiver.most_at_once() <= 2, "{} at once", receiver.most_at_once());
    limited.wait_for(90).await;
    // 20 at once at the most, then 20 a second.
    assert!(began.elapsed() >= Duration::from_millis(3_300), "the rate of 20 a second: {:?}", began.elapsed());
    assert_eq!(receiver.received().len(), 90, "each once");
}

#[tokio::test]
async fn what_a_node_served_that_is_killed_or_stands_still_is_served_by_others() {
    let (_database, mut nodes) = three().await;
    let (receiver, came) = counting().await;
    for _ in 0..4 {
        nodes[0].add_endpoint(&receiver.url("/"), &["demo.*"]).await;
    }
    let mut ids = send(&nodes.iter().collect::<Vec<_>>(), 60).await;
    wait_for_all(&receiver, &came, &ids).await;
    nodes[0].kill().await;
    signal(&nodes[1], "STOP");
    // Whatever the two were at: neither holds the third up for long.
    let third = &nodes[2];
    let began = tokio::time::Instant::now();
    while ids.len() < 120 {
        ids.extend(send(&[third], 1).await);
        assert!(began.elapsed() < gancho_testkit::PATIENCE, "the third accepts");
    }
    wait_for_all(&receiver, &came, &ids).await;
    signal(&nodes[1], "CONT");
    ids.extend(send(&[&nodes[1], &nodes[2]], 20).await);
    wait_for_all(&receiver, &came, &ids).await;
    let list = third.wait_until("/nodes", |list| list["data"].as_array().is_some_and(|all| all.len() == 2)).await;
    let served: Vec<&Value> = list["data"].as_array().expect("a list").iter().map(|node| &node["endpoints"]).collect();
    assert!(served.iter().all(|count| count.as_u64().is_some()), "{list}");
    // The feed has no hole, whoever accepted.
    let feed = third.get("/events?after=0&limit=500").await;
    let numbers: Vec<u64> =
        feed["data"].as_array().expect("a list").iter().filter_map(|one| one["sequence"].as_u64()).collect();
    assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>());
    assert!(numbers.len() >= ids.len());
}

#[tokio::test]
async fn a_node_that_ends_leaves_nothing_to_wait_for() {
    let (_database, mut nodes) = three().await;
    let (receiver, came) = counting().await;
    nodes[0].add_endpoint(&receiver.url("/"), &["demo.*"]).await;
    let mut ids = send(&[&nodes[0]], 20).await;
    assert_eq!(nodes[0].stop().await, Some(0));
    ids.extend(send(&[&nodes[1], &nodes[2]], 20).await);
    wait_for_all(&receiver, &came, &ids).await;
    let twice = came.lock().expect("a map").values().filter(|count| **count > 1).count();
    assert_eq!(twice, 0, "each once");
    nodes[1].wait_until("/nodes", |list| list["data"].as_array().is_some_and(|all| all.len() == 2)).await;
}

/// What waits in its memory is released: other nodes need not wait until its leases expire.
#[tokio::test]
async fn a_node_that_ends_keeps_no_lease() {
    let database = Instance::shared(Engine::Postgres).blank().await;
    let mut node = node_on(&database.url).await;
    let (receiver, _) = counting().await;
    let slow = json!({"url": receiver.url("/"), "events": ["demo.*"], "rate_per_s": 1});
    node.post("/endpoints", slow, 201).await;
    send(&[&node], 50).await;
    let leased = "SELECT COUNT(*) FROM deliveries WHERE leased IS NOT NULL";
    let held = async {
        while database.number(leased).await < 2 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(gancho_testkit::PATIENCE, held).await.expect("some wait in its memory");
    assert_eq!(node.stop().await, Some(0));
    assert_eq!(database.number(leased).await, 0);
}

#[tokio::test]
async fn a_source_is_watched_by_one_node_at_a_time_and_every_node_says_how_it_does() {
    let (_database, mut nodes) = three().await;
    let erp = Instance::shared(Engine::Postgres).database().await;
    let (receiver, came) = counting().await;
    nodes[0].add_endpoint(&receiver.url("/"), &["customer.*"]).await;
    let source = json!({"kind": "database", "name": "ERP", "url": erp.url});
    let source = nodes[1].post("/sources", source, 201).await;
    let (id, path) =
        (source["id"].as_str().expect("an id"), format!("/sources/{}", source["id"].as_str().expect("an id")));
    let add = async |code: u32| {
        let insert =
            format!("INSERT INTO clientes (codcliente, nombre, fechaalta) VALUES ('{code}', 'Ana', '2026-01-01')");
        erp.run(&insert).await;
    };
    let watches = |node: &Value| node["sources"].as_array().is_some_and(|all| all.iter().any(|one| one == id));
    let watched =
        |list: &Value| list["data"].as_array().is_some_and(|all| all.iter().filter(|node| watches(node)).count() == 1);
    let list = nodes[0].wait_until("/nodes", watched).await;
    add(1).await;
    receiver.wait_for(1).await;

    let owner = list["data"].as_array().expect("a list").iter().position(watches).expect("one watches it");
    // What the one that is killed has not recorded yet would come again.
    nodes[0].wait_until("/endpoints", |list| list["data"][0]["health"]["pending"] == 0).await;
    // In the order of their coming.
    nodes[owner].kill().await;
    nodes.remove(owner);
    add(2).await;
    receiver.wait_for(2).await;
    assert!(came.lock().expect("a map").values().all(|count| *count == 1));

    let forbid = "CREATE FUNCTION keep_rows() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''no''; END'; \
        CREATE TRIGGER keep_rows BEFORE DELETE ON gancho_outbox FOR EACH ROW EXECUTE PROCEDURE keep_rows()";
    erp.run(forbid).await;
    add(3).await;
    for node in &nodes {
        node.wait_until(&path, |source| source["state"] == "down" && !source["last_error"].is_null()).await;
    }
}

/// Nodes behind a pooler hear nothing of each other, and keep no statements: everything works all the same.
#[tokio::test]
async fn nodes_work_through_a_pooler_that_changes_connections_between_transactions() {
    let database = Instance::shared(Engine::Postgres).blank().await;
    let pooler = Pooler::start(&database);
    let nodes = [node_on(&pooler.url).await, node_on(&pooler.url).await];
    let (receiver, came) = counting().await;
    for node in &nodes {
        node.add_endpoint(&receiver.url("/"), &["demo.*"]).await;
    }
    // Both know both.
    nodes[0].wait_until("/endpoints", |list| list["data"].as_array().is_some_and(|all| all.len() == 2)).await;
    let ids = send(&[&nodes[0], &nodes[1]], 40).await;
    assert_eq!(ids.len(), 40);
    receiver.wait_for(80).await;
    assert!(came.lock().expect("a map").values().all(|count| *count == 2), "each once to each of the two");
    let list = nodes[1].wait_until("/nodes", |list| list["data"].as_array().is_some_and(|all| all.len() == 2)).await;
    assert_eq!(list["data"].as_array().map(Vec::len), Some(2));
}

/// Whoever was there first has everything; those who come later get their part of it, while events go on coming.
#[tokio::test]
async fn endpoints_are_shared_with_nodes_that_come_later() {
    let database = Instance::shared(Engine::Postgres).blank().await;
    let first = node_on(&database.url).await;
    let (receiver, came) = counting().await;
    for _ in 0..12 {
        first.add_endpoint(&receiver.url("/"), &["demo.*"]).await;
    }
    let mut ids = send(&[&first], 5).await;
    receiver.wait_for(60).await;
    let others = [node_on(&database.url).await, node_on(&database.url).await];
    let served = |list: &Value| -> Vec<u64> {
        list["data"].as_array().into_iter().flatten().filter_map(|node| node["endpoints"].as_u64()).collect()
    };
    let sharing = async {
        loop {
            ids.extend(send(&[&first], 1).await);
            let counts = served(&first.get("/nodes").await);
            if counts.len() == 3 && counts.iter().all(|count| *count > 1) {
                return;
            }
        }
    };
    tokio::time::timeout(gancho_testkit::PATIENCE, sharing).await.expect("each has some");
    ids.extend(send(&[&first, &others[0], &others[1]], 30).await);
    let all_came = |_: &[gancho_testkit::Received]| {
        let came = came.lock().expect("a map");
        ids.iter().all(|id| came.get(id).is_some_and(|count| *count == 12))
    };
    receiver.wait_until("each came to each of the twelve", all_came).await;
    assert!(came.lock().expect("a map").values().all(|count| *count == 12), "and only once");
}
