//! What is kept about one customer is given out and erased (RGPD, articles 15 and 17).

use gancho_testkit::{Receiver, Respond, Server};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{command_line::run, server};

const NAME: &str = "Ana Secreta Peña";

async fn sell(server: &Server, customer: &str, name: &str) -> String {
    let object = json!({"idfactura": 1, "codigo": "F2026A1", "codcliente": customer, "nombrecliente": name});
    let sent = server.post("/events", json!({"event": "invoice.created", "data": {"object": object}}), 202).await;
    sent["id"].as_str().expect("an id").to_owned()
}

async fn with_two_customers(receiver: &Receiver) -> (Server, Vec<String>) {
    let server = server().await;
    server.add_endpoint(&receiver.url("/whole"), &["*"]).await;
    let template = r#"{"text": "Factura para {{ data.object.nombrecliente }}"}"#;
    let chat = json!({"url": receiver.url("/chat"), "events": ["*"], "template": template});
    server.post("/endpoints", chat, 201).await;
    let mut ids = vec![];
    for (customer, name) in [("7", NAME), ("70", "Otro Cliente"), ("7", NAME)] {
        ids.push(sell(&server, customer, name).await);
    }
    server
        .wait_until("/deliveries?state=delivered", |page| page["data"].as_array().is_some_and(|all| all.len() == 6))
        .await;
    (server, ids)
}

#[tokio::test]
async fn one_customer_s_data_is_given_out_with_what_was_sent_to_whom() {
    let receiver = Receiver::with(|_| Respond { body: "gracias".into(), ..Respond::status(200) }).await;
    let (server, ids) = with_two_customers(&receiver).await;
    let asked = json!({"customer": "7"});
    let page = server.post("/personal-data/export", asked.clone(), 200).await;
    let copies = page["data"].as_array().expect("a list");
    let found: Vec<&Value> = copies.iter().map(|copy| &copy["event"]["id"]).collect();
    assert_eq!(found, [&ids[0], &ids[2]]);
    assert_eq!(page["next"], Value::Null);
    let sent = copies[0]["deliveries"].as_array().expect("a list");
    assert_eq!(sent.len(), 2);
    assert_eq!(sent[1]["body"], format!(r#"{{"text": "Factura para {NAME}"}}"#));
    assert_eq!(sent[0]["attempts"][0]["response_body"], "gracias");
    // By command, a line each.
    let ran = run(&server, &["personal-data", "export", "7"], "").await;
    assert_eq!((ran.code, ran.out.lines().count()), (0, 2));
    let ran = run(&server, &["personal-data", "erase", "7"], "").await;
    assert!(ran.code == 2 && ran.err.contains("--yes"), "{}", ran.err);
    for (wrong, field) in [
        (json!({}), "customer"),
        (json!({"customer": ""}), "customer"),
        (json!({"customer": "7", "values": ["x"]}), "values.0"),
        (json!({"customer": "7", "source": "no"}), "source"),
    ] {
        let answer = server.post("/personal-data/erase", wrong, 422).await;
        assert!(answer["errors"][0]["field"].as_str().is_some_and(|name| field.starts_with(name)), "{answer}");
    }
}

#[tokio::test]
async fn one_customer_s_data_is_erased_wherever_it_was_kept() {
    let receiver = Receiver::with(|came| Respond {
        body: String::from_utf8_lossy(&came.body).into_owned(),
        ..Respond::status(200)
    })
    .await;
    let (server, ids) = with_two_customers(&receiver).await;
    let done = server.post("/personal-data/erase", json!({"customer": "7"}), 200).await;
    assert_eq!(done, json!({"events": 2, "deliveries": 4, "cancelled": 0}));
    let event = server.get(&format!("/events/{}", ids[0])).await;
    assert!(event.to_string().contains("erased_at") && !event.to_string().contains("Secreta"), "{event}");
    let other = server.get(&format!("/events/{}", ids[1])).await;
    assert!(other.to_string().contains("Otro Cliente"));
    for delivery in server.get("/deliveries").await["data"].as_array().expect("a list") {
        let whole = server.get(&format!("/deliveries/{}", delivery["id"].as_str().expect("an id"))).await;
        assert!(!whole["body"].to_string().contains("Secreta"), "{whole}");
    }
    let feed = server.get("/events?after=0").await;
    assert_eq!(feed["data"].as_array().map(Vec::len), Some(3), "the feed has no hole");
    let rest = server.at_rest();
    assert!(!rest.windows(7).any(|part| part == b"Secreta"), "something of it is left in a file");
    assert_eq!(server.post("/personal-data/erase", json!({"customer": "7"}), 200).await["events"], 0);
    let read = server.post("/tokens", json!({"name": "reader", "scope": "read"}), 201).await;
    let token = read["token"].as_str().expect("a token");
    for verb in ["export", "erase"] {
        let path = format!("/personal-data/{verb}");
        server.call_as(token, Method::POST, &path, Some(json!({"customer": "70"}))).await.expect(403);
    }
}
