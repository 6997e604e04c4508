//! The customer's name, e-mail and tax number beside the code, for webhooks that ask for it, from each kind of source.

use gancho_testkit::{Engine, Received, Receiver, Server};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    erp_api,
    erp_database::{INVOICE, Stage},
    erp_plugin::{Erp, NOTHING},
    server,
};

const ANA: &str = "UPDATE clientes SET email = 'ana@example.com', cifnif = '12345678Z' WHERE codcliente = '1'";

fn ana() -> Value {
    json!({"nombre": "Ana", "email": "ana@example.com", "cifnif": "12345678Z"})
}

async fn webhook(server: &Server, receiver: &Receiver, rules: Value) -> String {
    let mut body = json!({"url": receiver.url("/"), "events": ["invoice.*", "receipt.*"], "include": ["customer"]});
    body.as_object_mut().expect("an object").extend(rules.as_object().cloned().unwrap_or_default());
    server.post("/endpoints", body, 201).await["id"].as_str().expect("an id").to_owned()
}

fn customer(received: &Received) -> Value {
    received.json()["data"]["object"]["customer"].clone()
}

/// What is sent differs from the event by the customer alone, and is signed as it is.
async fn is_the_event_otherwise(server: &Server, received: &Received) {
    let event = server.get(&format!("/events/{}", received.id())).await;
    let mut sent = received.json();
    sent["data"]["object"].as_object_mut().expect("a record").remove("customer");
    for part in ["id", "event", "created", "data", "source"] {
        assert_eq!(sent[part], event[part], "{part}");
    }
    let text = String::from_utf8(received.body.to_vec()).expect("text");
    assert!(text.starts_with(&format!("{{\"id\":\"{}\",\"event\":\"", received.id())), "{text}");
}

#[tokio::test]
async fn of_a_database_also_of_customers_who_were_there_before_and_as_they_are_now() {
    for engine in Engine::ALL {
        let stage = Stage::set(engine).await;
        let (server, receiver, plain) = (&stage.server, Receiver::start().await, Receiver::start().await);
        stage.database.run(ANA).await;
        webhook(server, &receiver, json!({})).await;
        server.add_endpoint(&plain.url("/"), &["invoice.*"]).await;
        stage.database.run(INVOICE).await;
        let came = receiver.wait_for(1).await.remove(0);
        assert_eq!(customer(&came), ana(), "{engine:?}");
        is_the_event_otherwise(server, &came).await;
        assert_eq!(plain.wait_for(1).await[0].json()["data"]["object"]["customer"], Value::Null);
        assert!(
            !String::from_utf8_lossy(&plain.received()[0].body).contains("ana@"),
            "who does not ask gets none of it"
        );
        // The customer and a document of theirs change at once.
        let both = "BEGIN; UPDATE clientes SET nombre = 'O&#39;Hara' WHERE codcliente = '1'; \
            UPDATE facturascli SET observaciones = 'x' WHERE idfactura = 7; COMMIT";
        stage.database.run(both).await;
        assert_eq!(customer(&receiver.wait_for(2).await[1])["nombre"], "O'Hara");
    }
}

#[tokio::test]
async fn of_a_plugin_and_in_a_record_sent_now() {
    for engine in Engine::ALL {
        let erp = Erp::new(engine).await;
        let (server, receiver) = (server().await, Receiver::start().await);
        erp.database.run("INSERT INTO clientes (codcliente, nombre) VALUES ('1', 'Ana')").await;
        erp.database.run(ANA).await;
        let source = erp.connect(&server).await;
        let id = webhook(&server, &receiver, json!({})).await;
        erp.database.run(INVOICE).await;
        erp.request(NOTHING);
        let came = receiver.wait_for(1).await.remove(0);
        assert_eq!(customer(&came), ana(), "{engine:?}");
        is_the_event_otherwise(&server, &came).await;
        let record = json!({"source": source.trim_start_matches("/sources/"), "model": "FacturaCliente", "key": 7});
        server.post(&format!("/endpoints/{id}/send"), record, 202).await;
        assert_eq!(customer(&receiver.wait_for(2).await[1]), ana());
        // What the plugin shows of it now, customer included.
        let code = format!(
            "use FacturaScripts\\Plugins\\Gancho\\{{Outbox\\SendNow, Server\\Settings}};
            return SendNow::to($db, (new Settings())->read($db), '{id}', 'FacturaCliente', '7')->status;"
        );
        erp.database.run("UPDATE clientes SET nombre = 'Eva' WHERE codcliente = '1'").await;
        assert_eq!(erp.request(&code).returned, 202);
        assert_eq!(customer(&receiver.wait_for(3).await[2])["nombre"], "Eva");
    }
}

#[tokio::test]
async fn of_an_erp_that_is_polled_and_in_existing_records() {
    let stage = erp_api::Stage::set(Engine::MariaDb).await;
    let (server, receiver) = (&stage.server, Receiver::start().await);
    stage.erp.set("Cliente", "1", json!({"email": "ana@example.com", "cifnif": "12345678Z"}));
    let id = webhook(server, &receiver, json!({})).await;
    stage.events().await;
    stage.erp.put("FacturaCliente", erp_api::invoice(2, 242.0));
    stage.erp.put("LineaFacturaCliente", erp_api::line(2, 2, "Dos"));
    assert_eq!(customer(&receiver.wait_for(1).await[0]), ana());
    let all = json!({"endpoint": id, "model": "FacturaCliente"});
    server.post(&format!("{}/backfill", stage.source), all, 202).await;
    let came = receiver.wait_for(3).await;
    assert!(came[1..].iter().all(|one| customer(one) == ana()), "of existing records too");
}

#[tokio::test]
async fn rules_and_previews_see_it_and_who_is_unknown_is_null() {
    let (server, receiver) = (server().await, Receiver::start().await);
    let source = server.post("/sources", json!({"kind": "plugin", "name": "ERP"}), 201).await;
    let token = source["token"].as_str().expect("a token");
    let send = async |changes: Value| {
        server.call_as(token, Method::POST, "/changes", Some(json!({"changes": changes}))).await.expect(202);
    };
    // As the ERP's table names and writes it.
    let ana = json!({"codcliente": "1", "nombre": "Ana &quot;la&quot; O&#39;Hara", "email": "ana@example.com", "cifnif": "1Z"});
    send(json!([{"model": "clientes", "operation": "insert", "key": "1", "after": ana}])).await;
    let rules = json!({"events": ["invoice.*", "customer.*"], "include": ["customer"],
        "condition": "data.object.customer != null && data.object.customer.email.endsWith('example.com')",
        "template": "{\"to\":{{ data.object.customer.email|tojson }}}"});
    let id = webhook(&server, &receiver, rules.clone()).await;
    let invoice = |key: u32, code: &str| {
        let after = json!({"idfactura": key, "codigo": format!("F{key}"), "codcliente": code, "total": 1});
        json!([{"model": "FacturaCliente", "operation": "insert", "key": key, "after": after}])
    };
    send(invoice(1, "1")).await;
    send(invoice(2, "2")).await;
    assert_eq!(receiver.wait_for(1).await[0].body, "{\"to\":\"ana@example.com\"}");
    let skipped = server.wait_until("/deliveries?state=skipped", |page| page["data"][0].is_object()).await;
    assert_eq!((&skipped["data"][0]["document"], &skipped["data"][0]["reason"]), (&json!("F2"), &json!("condition")));
    let mut asked = rules;
    asked["events"] = json!(["invoice.*"]);
    let preview = server.post("/endpoints/preview", asked, 200).await;
    assert_eq!((&preview["looked_at"], &preview["sent"]), (&json!(2), &json!(1)));
    assert_eq!(preview["examples"][0]["body"], "{\"to\":\"ana@example.com\"}");
    server.patch(&format!("/endpoints/{id}"), json!({"template": null, "condition": null})).await;
    let replay = json!({"since": "2020-01-01T00:00:00Z", "only": "missed", "object": "FacturaCliente:2"});
    server.post(&format!("/endpoints/{id}/replay"), replay, 202).await;
    let came = receiver.wait_for(2).await;
    assert_eq!(came[1].json()["data"]["object"].get("customer"), Some(&Value::Null), "nothing is known of them");
    send(invoice(4, "1")).await;
    assert_eq!(customer(&receiver.wait_for(3).await[2])["nombre"], "Ana \"la\" O'Hara", "as its own event says it");
    // Of a customer's own record nothing is put beside anything; of one that is gone nothing is known.
    let gone = json!([{"model": "Cliente", "operation": "delete", "key": "1", "before": ana}]);
    send(gone).await;
    let came = receiver.wait_for(4).await;
    assert_eq!(
        (came[3].header("x-webhook-event"), came[3].json()["data"]["object"].get("customer")),
        ("customer.deleted", None)
    );
    send(invoice(3, "1")).await;
    assert_eq!(customer(&receiver.wait_for(5).await[4]), Value::Null);
    server.post(&format!("/endpoints/{id}/test"), json!({"event": "invoice.created"}), 202).await;
    assert!(customer(&receiver.wait_for(6).await[5])["nombre"].is_string(), "a sample shows what it looks like");
    server.call(Method::PATCH, &format!("/endpoints/{id}"), Some(json!({"include": ["supplier"]}))).await.expect(422);
}
