//! True records go in at one end; signed webhooks come out at the other.

use std::{collections::BTreeMap, process::Stdio};

use gancho_receiver::{Event, Scheme, Secret, Verifier};
use gancho_testkit::{Received, Receiver};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt, process::Command};

use crate::server;

/// An invoice made, paid and deleted, a customer, a product, a receipt: rows as MariaDB gives them.
const CHANGES: &str = include_str!("../../../../examples/changes.json");

#[tokio::test]
async fn what_happened_in_the_erp_arrives_signed() {
    let (server, receiver) = (server().await, Receiver::start().await);
    let endpoint = server.add_endpoint(&receiver.url("/hook"), &["*"]).await;
    let secret = endpoint["secret"].as_str().expect("a secret");
    let source = server.post("/sources", json!({"kind": "plugin", "name": "ERP"}), 201).await;
    let token = source["token"].as_str().expect("a token");

    let mut changes: Value = serde_json::from_str(CHANGES).expect("JSON");
    changes["changes"][0]["at"] = "2026-03-04T10:00:00Z".into();
    let taken = server.call_as(token, Method::POST, "/changes", Some(changes)).await.expect(202);
    assert_eq!((&taken["accepted"], &taken["duplicates"]), (&json!(10), &json!(0)));
    let received = receiver.wait_for(10).await;

    let by_type: BTreeMap<&str, &Received> = received.iter().map(|one| (one.header("x-webhook-event"), one)).collect();
    let types: Vec<&str> = by_type.keys().copied().collect();
    assert_eq!(
        types,
        [
            "customer.created",
            "customer.updated",
            "invoice.created",
            "invoice.deleted",
            "invoice.paid",
            "invoice.updated",
            "product.created",
            "receipt.created",
            "receipt.paid",
            "receipt.updated",
        ]
    );
    let created = by_type["invoice.created"].json();
    let object = &created["data"]["object"];
    assert_eq!((&object["total"], &object["pagada"], &object["idfactura"]), (&json!(363), &json!(false), &json!(501)));
    assert_eq!(object["nombrecliente"], r#"Panader'a "La Espiga""#);
    assert_eq!(object["lines"][0]["descripcion"], "Harina <T55> 25 kg");
    let paid = by_type["invoice.paid"].json();
    assert_eq!(paid["data"]["previous"], json!({"pagada": false}));
    assert_eq!(paid["source"], source["id"]);
    assert_eq!(by_type["customer.created"].json()["created"], 1_772_618_400);
    assert_eq!(by_type["invoice.deleted"].json()["data"]["object"]["lines"][0]["cantidad"], 20);

    for one in &received {
        verified_three_ways(secret, one).await;
    }
}

/// By our library, by the reference library of Standard Webhooks, and by PHP.
async fn verified_three_ways(secret: &str, received: &Received) {
    let now: i64 = received.header("webhook-timestamp").parse().expect("Unix seconds");
    let header = |name: &str| received.headers.get(name).map(String::as_str);
    let verified = Verifier::new(Secret::new(secret)).verify(header, &received.body, now).expect("ours is good");
    assert_eq!(verified.scheme, Scheme::Standard);
    let plain = |name: &str| header(name).filter(|_| name.starts_with("x-"));
    let verifier = Verifier::new(Secret::new(secret));
    assert!(verifier.verify(plain, &received.body, now).is_err(), "it does not cover the time");
    let verified = verifier.accept_body_only().verify(plain, &received.body, now).expect("plain is good");
    assert_eq!(verified.scheme, Scheme::Plain);

    let mut headers = reqwest::header::HeaderMap::new();
    for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
        headers.insert(name, received.header(name).parse().expect("a value"));
    }
    let reference = standardwebhooks::Webhook::new(secret).expect("a secret");
    reference.verify(&received.body, &headers).expect("the reference library agrees");

    let event = Event::parse(&received.body).expect("an event");
    assert_eq!(event.id, received.header("x-webhook-id"));
    assert_eq!(hash_hmac(secret, &received.body).await, received.header("x-webhook-signature"));
}

async fn hash_hmac(secret: &str, body: &[u8]) -> String {
    let code = "echo hash_hmac('sha256', stream_get_contents(STDIN), $argv[1]);";
    let mut php = Command::new("php")
        .args(["-r", code, "--", secret])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("php runs (./test installs it)");
    let mut stdin = php.stdin.take().expect("its input");
    stdin.write_all(body).await.expect("takes the body");
    drop(stdin);
    let output = php.wait_with_output().await.expect("it ends");
    String::from_utf8(output.stdout).expect("hex")
}

#[tokio::test]
async fn bodies_are_the_same_bytes_for_all_and_forever() {
    let (server, receiver) = (server().await, Receiver::start().await);
    for path in ["/a", "/b", "/c"] {
        server.add_endpoint(&receiver.url(path), &["order.*"]).await;
    }
    let data = json!({"object": {"ñ": "\u{0}<&>\u{1F600}", "n": 84.70, "big": 12_345_678_901_234_567_i64}});
    let sent = server.post("/events", json!({"event": "order.shipped", "data": data}), 202).await;
    let received = receiver.wait_for(3).await;
    assert!(received.iter().all(|one| one.body == received[0].body));
    let read: Value = received[0].json();
    assert_eq!((&read["data"], &read["id"]), (&data, &sent["id"]));

    let id = sent["id"].as_str().expect("an id");
    let kept = server.get(&format!("/events/{id}")).await;
    assert_eq!(kept["data"], data);
    assert_eq!(kept["deliveries"].as_array().map(Vec::len), Some(3));
    let again = kept["deliveries"][0]["id"].as_str().expect("an id");
    server.wait_until(&format!("/deliveries/{again}"), |one| one["state"] == "delivered").await;
    server.call(Method::POST, &format!("/deliveries/{again}/retry"), None).await.expect(200);
    let received = receiver.wait_for(4).await;
    assert_eq!(received[3].body, received[0].body);
    assert_eq!(received[3].header("x-webhook-attempt"), "2");
}

#[tokio::test]
async fn an_event_that_nobody_wants_is_kept() {
    let server = server().await;
    let id = server.send("nobody.cares").await;
    let kept = server.get(&format!("/events/{id}")).await;
    assert_eq!((&kept["deliveries"], &kept["sequence"]), (&json!([]), &json!(1)));
}

#[tokio::test]
async fn endpoints_choose_by_type_and_source() {
    let (server, receiver) = (server().await, Receiver::start().await);
    let mut sources = vec![];
    for name in ["A", "B"] {
        sources.push(server.post("/sources", json!({"kind": "plugin", "name": name}), 201).await);
    }
    let only_a = json!({"url": receiver.url("/a"), "events": ["customer.*"], "sources": [sources[0]["id"]]});
    server.post("/endpoints", only_a, 201).await;
    server.add_endpoint(&receiver.url("/all"), &["*.created"]).await;
    for source in &sources {
        let token = source["token"].as_str().expect("a token");
        let insert =
            json!({"changes": [{"model": "Cliente", "operation": "insert", "key": "1", "after": {"codcliente": "1"}}]});
        server.call_as(token, Method::POST, "/changes", Some(insert)).await.expect(202);
    }
    let received = receiver.wait_for(3).await;
    let to = |path: &str| {
        received.iter().filter(|one| one.path == path).map(|one| one.json()["source"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(to("/a"), [sources[0]["id"].clone()]);
    assert_eq!(to("/all").len(), 2);
}

#[tokio::test]
async fn knowledge_of_an_erp_outlives_a_restart() {
    let mut server = server().await;
    let source = server.post("/sources", json!({"kind": "plugin", "name": "ERP"}), 201).await;
    let token = source["token"].as_str().expect("a token").to_owned();
    let state = json!({"changes": [{"model": "EstadoDocumento", "operation": "insert", "key": 90,
        "after": {"idestado": 90, "generadoc": "FacturaCliente", "editable": false, "tipodoc": "PedidoCliente"}}]});
    let taken = server.call_as(&token, Method::POST, "/changes", Some(state)).await.expect(202);
    assert_eq!(taken["events"], json!([]));
    assert_eq!(server.stop().await, Some(0));
    server.run().await;
    let approved = json!({"changes": [{"model": "PedidoCliente", "operation": "update", "key": 5,
        "before": {"idestado": 4}, "after": {"idestado": 90}}]});
    server.call_as(&token, Method::POST, "/changes", Some(approved)).await.expect(202);
    let feed = server.get("/events").await;
    let types: Vec<_> = feed["data"].as_array().expect("a list").iter().map(|one| one["event"].clone()).collect();
    assert_eq!(types, ["order.updated", "order.approved"]);
}
