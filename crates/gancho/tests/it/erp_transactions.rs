//! One transaction is one act, however long it takes, whoever reads it and when: no value is ever reported that nobody
//! committed (EVENTS rule 1).

use gancho_testkit::{Engine, Server};
use serde_json::{Value, json};

use crate::{
    erp_database::{Stage, types},
    erp_plugin::{self, Erp, NOTHING},
};

/// A pause that is longer than the quiet after which a connection's act has ended.
fn pause(engine: Engine) -> &'static str {
    if engine == Engine::MariaDb { "SELECT SLEEP(1.2)" } else { "SELECT pg_sleep(1.2)" }
}

/// A transaction that waits in the middle, as one that calls others or saves three hundred lines.
fn slow(engine: Engine) -> String {
    let pause = pause(engine);
    format!(
        "BEGIN; UPDATE clientes SET telefono1 = 'a' WHERE codcliente = '1'; {pause}; \
         UPDATE clientes SET nombre = 'b' WHERE codcliente = '1'; {pause}; \
         UPDATE clientes SET telefono1 = 'c' WHERE codcliente = '1'; COMMIT"
    )
}

const CUSTOMER: &str =
    "INSERT INTO clientes (codcliente, nombre, telefono1, fechaalta) VALUES ('1', 'Ana', '0', '2026-01-01')";

fn is_one_act(events: &[Value], what: &str) {
    assert_eq!(types(events), ["customer.updated"], "{what}");
    let (object, previous) = (&events[0]["data"]["object"], &events[0]["data"]["previous"]);
    assert_eq!((&object["telefono1"], &object["nombre"]), (&json!("c"), &json!("b")), "{what}");
    assert_eq!((&previous["telefono1"], &previous["nombre"]), (&json!("0"), &json!("Ana")), "{what}");
}

async fn stage(engine: Engine) -> Stage {
    let database = gancho_testkit::Instance::shared(engine).database().await;
    database.run(CUSTOMER).await;
    Stage::of(database).await
}

#[tokio::test]
async fn a_slow_transaction_is_one_act_heard_live() {
    for engine in Engine::ALL {
        let stage = stage(engine).await;
        stage.database.run(&slow(engine)).await;
        is_one_act(&stage.events(1).await, &format!("{engine:?}"));
    }
}

#[tokio::test]
async fn a_slow_transaction_is_one_act_read_later() {
    for engine in Engine::ALL {
        let mut stage = stage(engine).await;
        stage.server.kill().await;
        // On one connection, after another transaction and before a third.
        let pause = pause(engine);
        let before = "BEGIN; INSERT INTO clientes (codcliente, nombre) VALUES ('2', 'Eva'); COMMIT";
        let after = "UPDATE clientes SET nombre = 'Eva B' WHERE codcliente = '2'";
        let all = format!("{before}; {pause}; {}; {pause}; {after}", slow(engine));
        stage.database.run(&all).await;
        stage.server.run().await;
        let events = stage.events(3).await;
        let of = |key: &str| {
            let one = |event: &&Value| event["data"]["object"]["codcliente"] == key;
            events.iter().filter(one).cloned().collect::<Vec<_>>()
        };
        is_one_act(&of("1"), &format!("{engine:?}"));
        assert_eq!(types(&of("2")), ["customer.created", "customer.updated"], "{engine:?}: a pause parts them");
    }
}

#[tokio::test]
async fn transactions_with_a_pause_are_acts_of_their_own() {
    for engine in Engine::ALL {
        let stage = stage(engine).await;
        let pause = pause(engine);
        let one = |value: &str| {
            format!(
                "BEGIN; UPDATE clientes SET telefono1 = '{value}' WHERE codcliente = '1'; \
                 UPDATE clientes SET nombre = '{value}' WHERE codcliente = '1'; COMMIT"
            )
        };
        let mut client = stage.database.client().await;
        client.run(&one("a")).await;
        // Read later, the two would be reported together: only now and then a trigger looks in which transaction it is.
        stage.events(1).await;
        client.run(&format!("{pause}; {}", one("b"))).await;
        let events = stage.events(2).await;
        assert_eq!(types(&events), ["customer.updated"; 2], "{engine:?}");
        assert_eq!(events[0]["data"]["object"]["telefono1"], "a");
        assert_eq!(events[1]["data"]["previous"], json!({"nombre": "a", "telefono1": "a"}));
    }
}

/// The ERP runs single statements of one save in transactions of their own: they are one act.
#[tokio::test]
async fn transactions_without_a_pause_are_one_act() {
    for engine in Engine::ALL {
        let stage = stage(engine).await;
        let one =
            |value: &str| format!("BEGIN; UPDATE clientes SET telefono1 = '{value}' WHERE codcliente = '1'; COMMIT");
        stage.database.run(&format!("{}; {}", one("a"), one("b"))).await;
        let events = stage.events(1).await;
        assert_eq!((events.len(), &events[0]["data"]["object"]["telefono1"]), (1, &json!("b")), "{engine:?}");
    }
}

async fn by_plugin(engine: Engine, live: bool) -> Vec<Value> {
    let erp = Erp::new(engine).await;
    let server: Server = erp_plugin::server().await;
    erp.database.run(CUSTOMER).await;
    erp.connect(&server).await;
    erp.request(NOTHING);
    let reported = erp_plugin::events(&server).await.len();
    if live {
        // While it goes on, requests of others look at the outbox.
        let (database, statements) = (erp.database.clone(), slow(engine));
        let writing = tokio::spawn(async move { database.run(&statements).await });
        while !writing.is_finished() {
            erp.request(NOTHING);
        }
        writing.await.expect("written");
    } else {
        erp.database.run(&slow(engine)).await;
    }
    while erp.waiting().await > 0 {
        erp.request(NOTHING);
    }
    erp_plugin::events(&server).await.split_off(reported)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_transaction_is_one_act_by_the_plugin() {
    for engine in Engine::ALL {
        for live in [true, false] {
            is_one_act(&by_plugin(engine, live).await, &format!("{engine:?}, live: {live}"));
        }
    }
}

#[tokio::test]
async fn a_document_committed_half_made_waits_for_its_lines() {
    for engine in Engine::ALL {
        let stage = Stage::set(engine).await;
        let mut client = stage.database.client().await;
        client.run("INSERT INTO albaranescli (idalbaran, codigo, total) VALUES (3, 'ALB3', 0)").await;
        // Longer than the pause that ends an act otherwise.
        tokio::time::sleep(std::time::Duration::from_millis(700)).await;
        client.run("INSERT INTO lineasalbaranescli (idlinea, idalbaran, cantidad) VALUES (1, 3, 1)").await;
        client.run("UPDATE albaranescli SET total = 10 WHERE idalbaran = 3").await;
        let events = stage.events(1).await;
        assert_eq!(types(&events), ["delivery_note.created"], "{engine:?}");
        assert_eq!(events[0]["data"]["object"]["total"], 10);
        assert_eq!(events[0]["data"]["object"]["lines"].as_array().map(Vec::len), Some(1));
    }
}
