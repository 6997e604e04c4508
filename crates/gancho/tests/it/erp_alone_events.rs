//! The plugin by itself: events of its own, and records sent by hand.

use gancho_testkit::{Engine, Receiver, Respond};
use serde_json::{Value, json};

use crate::{
    erp_alone::{USE, comparable_body, fields},
    erp_database::INVOICE,
    erp_plugin::{Erp, NOTHING, server},
};

/// The button on a record's page in the ERP, with and without a server.
#[tokio::test(flavor = "multi_thread")]
async fn a_record_sent_by_hand_is_what_a_server_would_send() {
    for engine in Engine::ALL {
        let (with_server, alone) = (Erp::new(engine).await, Erp::new(engine).await);
        let (by_server, by_itself) = (Receiver::start().await, Receiver::start().await);
        let server = server().await;
        for erp in [&with_server, &alone] {
            erp.request("$plugin->uninstall();");
            erp.database.run("INSERT INTO clientes (codcliente, nombre) VALUES ('1', 'Ana')").await;
            erp.database.run(INVOICE).await;
        }
        with_server.connect(&server).await;
        alone.alone();
        for erp in [&with_server, &alone] {
            erp.request("$plugin->update();");
        }
        let endpoint = server.add_endpoint(&by_server.url("/hook"), &["demo.*"]).await;
        let endpoint = endpoint["id"].as_str().expect("an id");
        let (id, _) = alone.add_webhook(&by_itself.url("/hook"), "demo.*");
        let send = |model: &str, key: &str| {
            let class = "FacturaScripts\\Plugins\\Gancho\\Webhook\\Snapshot";
            alone.with_alone(&format!(
                "return (new {class}($alone))->send($alone->webhooks->find('{id}'), '{model}', '{key}');"
            ))
        };
        for (n, (model, key)) in [("FacturaCliente", "7"), ("Cliente", "1")].into_iter().enumerate() {
            let send_now = "FacturaScripts\\Plugins\\Gancho\\Outbox\\SendNow";
            with_server.request(&format!("{USE} {send_now}::to($db, $settings, '{endpoint}', '{model}', '{key}');"));
            by_server.wait_for(n + 1).await;
            assert_eq!(send(model, key), json!(true));
            alone.request(NOTHING);
        }
        let (theirs, ours) = (by_server.received(), by_itself.received());
        assert_eq!(ours.len(), 2, "{engine:?}");
        for (one, their) in ours.iter().zip(&theirs) {
            assert_eq!((comparable_body(one), fields(one)), (comparable_body(their), fields(their)), "{engine:?}");
            assert_eq!(one.header("x-webhook-sequence"), "0");
        }
        for (model, key) in [("FacturaCliente", "8"), ("Nothing", "8"), ("ApiKey", "1")] {
            assert_eq!(send(model, key), json!(false), "{model}");
        }
        let feed = alone.with_alone("return $alone->deliveries->events('', 50);");
        assert_eq!(feed, json!([]), "it is not in the feed");
    }
}

/// As the server does: each transition once, the URL masked, with the reason.
#[tokio::test(flavor = "multi_thread")]
async fn what_becomes_of_webhooks_is_an_event_for_those_who_ask() {
    let erp = Erp::new(Engine::MariaDb).await;
    erp.alone();
    let (watcher, receiver) = (Receiver::start().await, Receiver::with(|_| Respond::status(503)).await);
    erp.add_webhook(&watcher.url("/watch"), "endpoint.*");
    let (id, _) = erp.add_webhook(&receiver.url("/hook/T0P"), "customer.*");
    let customer = async |n: usize| {
        let insert =
            format!("INSERT INTO clientes (codcliente, nombre, fechaalta) VALUES ('{n}', 'Ana', '2026-01-01')");
        erp.database.run(&insert).await;
        erp.request(NOTHING);
    };
    for n in 0..11 {
        customer(n).await;
    }
    let announced = |n: usize| watcher.received().get(n).map(|request| request.json()).expect("an event");
    let failing = announced(0);
    assert_eq!((&failing["event"], &failing["source"]), (&json!("endpoint.failing"), &Value::Null));
    let object = &failing["data"]["object"];
    assert_eq!((&object["id"], &object["reason"], &object["name"]), (&json!(id), &Value::Null, &Value::Null));
    assert_eq!(
        (&object["url"], &object["last_error"]),
        (&json!(receiver.url("/…")), &json!("the receiver answered 503"))
    );
    assert!(object["failures_since"].as_str().is_some_and(|at| at.ends_with('Z') && at.len() == 24), "{object}");

    receiver.behave(|_| Respond::status(200));
    erp.request(&format!("{USE} $alone = new Alone($db, $settings); $alone->deliveries->retryNow('{id}');"));
    erp.request(NOTHING);
    let recovered = announced(1);
    assert_eq!(
        (&recovered["event"], &recovered["data"]["object"]["last_error"]),
        (&json!("endpoint.recovered"), &Value::Null)
    );
    assert_eq!(recovered["data"]["object"]["failures_since"], object["failures_since"]);

    receiver.behave(|_| Respond::status(410));
    customer(12).await;
    assert_eq!(
        (&announced(2)["event"], &announced(2)["data"]["object"]["reason"]),
        (&json!("endpoint.disabled"), &json!("gone"))
    );
    // Somebody switches it on again: they know.
    erp.with_alone(&format!("$alone->webhooks->update($alone->webhooks->find('{id}'), ['enabled' => true], 'ana');"));
    receiver.behave(|_| Respond::status(200));
    customer(13).await;
    assert_eq!(watcher.received().len(), 3);
}
