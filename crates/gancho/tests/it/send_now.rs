//! "Send this document now": a record as it is, to one webhook, from each kind of source.

use gancho_testkit::{Engine, Receiver};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    erp_api,
    erp_database::{INVOICE, Stage},
    erp_plugin::Erp,
    server,
};

fn object(receiver: &Receiver) -> Value {
    receiver.about(|all| all.last().expect("one").json()["data"]["object"].clone())
}

#[tokio::test]
async fn a_record_of_a_database_as_it_is_with_its_lines() {
    for engine in Engine::ALL {
        let stage = Stage::set(engine).await;
        let receiver = Receiver::start().await;
        let server = &stage.server;
        stage.database.run(INVOICE).await;
        let created = stage.events(1).await.into_iter().find(|event| event["event"] == "invoice.created").expect("it");
        let webhook = server.add_endpoint(&receiver.url("/"), &["customer.deleted"]).await;
        let path = format!("/endpoints/{}/send", webhook["id"].as_str().expect("an id"));
        let source = stage.source.trim_start_matches("/sources/");
        let body = |model: &str, key: Value| json!({"source": source, "model": model, "key": key});
        let sent = server.post(&path, body("FacturaCliente", json!(7)), 202).await;
        let came = receiver.wait_for(1).await.remove(0);
        assert_eq!(came.header("x-webhook-event"), "invoice.snapshot");
        assert_eq!(came.id(), sent["event_id"].as_str().expect("an id"));
        assert_eq!(came.header("x-webhook-sequence"), "0", "outside the feed");
        assert_eq!(object(&receiver), created["data"]["object"], "{engine:?}: as its event said");
        stage.database.run("UPDATE facturascli SET observaciones = 'ahora' WHERE idfactura = 7").await;
        server.post(&path, body("facturascli", json!("7")), 202).await;
        receiver.wait_for(2).await;
        assert_eq!(object(&receiver)["observaciones"], "ahora");
        server.post(&path, body("Cliente", json!("1")), 202).await;
        receiver.wait_for(3).await;
        assert_eq!(object(&receiver)["nombre"], "Ana");
        server.post(&path, body("FacturaCliente", json!(8)), 404).await;
        server.post(&path, body("Nothing", json!(8)), 422).await;
        server.post(&path, body("Role", json!("x")), 422).await;
        server
            .post(&path, json!({"source": "src_01m8jf8pc3exzrzhbf8meg0afj", "model": "Cliente", "key": 1}), 422)
            .await;
        let feed = server.get("/events?limit=500").await;
        assert!(!feed.to_string().contains(".snapshot"), "nobody else hears of it");
        server
            .patch(&format!("/endpoints/{}", webhook["id"].as_str().expect("an id")), json!({"enabled": false}))
            .await;
        server.post(&path, body("Cliente", json!("1")), 409).await;
    }
}

#[tokio::test]
async fn of_an_erp_that_is_polled_as_it_is_with_its_lines() {
    for engine in Engine::ALL {
        let stage = erp_api::Stage::set(engine).await;
        let receiver = Receiver::start().await;
        let webhook = stage.server.add_endpoint(&receiver.url("/"), &["demo.*"]).await;
        let path = format!("/endpoints/{}/send", webhook["id"].as_str().expect("an id"));
        let source = stage.source.trim_start_matches("/sources/").to_owned();
        let body = |key: Value| json!({"source": source, "model": "FacturaCliente", "key": key});
        stage.server.post(&path, body(json!(1)), 202).await;
        receiver.wait_for(1).await;
        let sent = object(&receiver);
        assert_eq!(
            (&sent["codigo"], &sent["total"], &sent["fecha"]),
            (&json!("FAC1"), &json!(121), &json!("2026-11-24"))
        );
        let line = &sent["lines"][0];
        assert_eq!((&line["descripcion"], &line["cantidad"], &line["idlinea"]), (&json!("Uno"), &json!(1), &json!(1)));
        stage.server.post(&path, body(json!(2)), 404).await;
        stage.server.post(&path, body(json!("x/../1")), 404).await;
    }
}

#[tokio::test]
async fn of_a_plugin_as_its_last_event_said_and_by_the_webhook_s_template() {
    let (server, receiver) = (server().await, Receiver::start().await);
    let source = server.post("/sources", json!({"kind": "plugin", "name": "ERP"}), 201).await;
    let token = source["token"].as_str().expect("a token");
    let change = async |operation: &str, name: &str| {
        let record = json!({"codcliente": "1", "nombre": name});
        let side = if operation == "delete" { "before" } else { "after" };
        let changes = json!({"changes": [{"model": "Cliente", "operation": operation, "key": "1", side: record}]});
        server.call_as(token, Method::POST, "/changes", Some(changes)).await.expect(202);
    };
    change("insert", "Ana").await;
    change("update", "Ana Núñez").await;
    let webhook = json!({"url": receiver.url("/"), "events": ["demo.*"], "template": "{\"n\":\"{{ data.object.nombre }}\"}",
        "condition": "false"});
    let webhook = server.post("/endpoints", webhook, 201).await;
    let path = format!("/endpoints/{}/send", webhook["id"].as_str().expect("an id"));
    let body = json!({"source": source["id"], "model": "Cliente", "key": "1"});
    server.post(&path, body.clone(), 202).await;
    assert_eq!(receiver.wait_for(1).await[0].body, "{\"n\":\"Ana Núñez\"}");
    change("delete", "Ana Núñez").await;
    server.post(&path, body, 404).await;
}

/// The button on a record's page in the ERP: what was there before anybody listened is sent, too.
#[tokio::test]
async fn the_plugin_shows_a_record_as_it_is_with_its_lines() {
    for engine in Engine::ALL {
        let erp = Erp::new(engine).await;
        let (server, receiver) = (server().await, Receiver::start().await);
        erp.request("$plugin->uninstall();");
        erp.database.run("INSERT INTO clientes (codcliente, nombre) VALUES ('1', 'Ana')").await;
        erp.database.run(INVOICE).await;
        erp.connect(&server).await;
        erp.request("$plugin->update();");
        let webhook = server.add_endpoint(&receiver.url("/"), &["demo.*"]).await;
        let id = webhook["id"].as_str().expect("an id");
        let send = |endpoint: &str, model: &str, key: &str| {
            let code = format!(
                "use FacturaScripts\\Plugins\\Gancho\\{{Outbox\\SendNow, Server\\Settings}};
                return SendNow::to($db, (new Settings())->read($db), '{endpoint}', '{model}', '{key}')?->status;"
            );
            erp.request(&code).returned
        };
        assert_eq!(send(id, "FacturaCliente", "7"), 202);
        let came = receiver.wait_for(1).await.remove(0);
        assert_eq!(came.header("x-webhook-event"), "invoice.snapshot");
        let sent = object(&receiver);
        assert_eq!((&sent["codigo"], &sent["fecha"]), (&json!("FAC7"), &json!("2026-11-24")), "{engine:?}");
        assert_eq!(sent["lines"].as_array().map(Vec::len), Some(2));
        assert_eq!(send(id, "Cliente", "1"), 202);
        receiver.wait_for(2).await;
        assert_eq!((&object(&receiver)["nombre"], &object(&receiver)["lines"]), (&json!("Ana"), &Value::Null));
        assert_eq!(send(id, "FacturaCliente", "8"), 404);
        assert_eq!(send(id, "Nothing", "8"), Value::Null);
        assert_eq!(send("ep_01m8jf8pc3exzrzhbf8meg0afj", "Cliente", "1"), 404);
        let feed = server.get("/events?limit=500").await;
        assert!(!feed.to_string().contains(".snapshot"), "nobody else hears of it");
    }
}

#[tokio::test]
async fn existing_records_are_sent_page_by_page_and_where_it_was_stopped_it_goes_on() {
    for engine in Engine::ALL {
        let stage = Stage::set(engine).await;
        let (server, receiver) = (&stage.server, Receiver::start().await);
        let rows: Vec<String> = (1..=7)
            .map(|n| format!("({n}, 'F{n}', '1', {n}, false, false, 10, '2026-11-{:02}', '18:30:00')", n + 10))
            .collect();
        let columns = "idfactura, codigo, codcliente, total, pagada, vencida, idestado, fecha, hora";
        stage.database.run(&format!("INSERT INTO facturascli ({columns}) VALUES {}", rows.join(", "))).await;
        stage
            .database
            .run("INSERT INTO lineasfacturascli (idlinea, idfactura, descripcion) VALUES (1, 5, 'Silla')")
            .await;
        let webhook = server.add_endpoint(&receiver.url("/"), &["demo.*"]).await;
        let path = format!("{}/backfill", stage.source);
        let page = async |after: Value, since: Value| {
            let body = json!({"endpoint": webhook["id"], "model": "FacturaCliente", "limit": 3, "after": after, "since": since});
            server.post(&path, body, 202).await
        };
        let first = page(Value::Null, Value::Null).await;
        assert_eq!((&first["count"], &first["refused"], &first["next"]), (&json!(3), &json!(0), &json!("3")));
        let second = page(first["next"].clone(), Value::Null).await;
        let third = page(second["next"].clone(), Value::Null).await;
        assert_eq!((&second["next"], &third["count"], &third["next"]), (&json!("6"), &json!(1), &Value::Null));
        let came = receiver.wait_for(7).await;
        let mut keys: Vec<i64> =
            came.iter().filter_map(|one| one.json()["data"]["object"]["idfactura"].as_i64()).collect();
        keys.sort_unstable();
        assert_eq!(keys, (1..=7).collect::<Vec<_>>(), "{engine:?}");
        let fifth = came.iter().find(|one| one.json()["data"]["object"]["idfactura"] == 5).expect("the fifth").json();
        assert_eq!(fifth["event"], "invoice.snapshot");
        assert_eq!(fifth["data"]["object"]["lines"][0]["descripcion"], "Silla");
        let recent = page(Value::Null, json!("2026-11-16")).await;
        assert_eq!((&recent["count"], &recent["next"]), (&json!(2), &Value::Null), "of that day or later");
        for wrong in [
            json!({"endpoint": webhook["id"], "model": "Nothing"}),
            json!({"endpoint": "ep_01m8jf8pc3exzrzhbf8meg0afj", "model": "Cliente"}),
            json!({"endpoint": webhook["id"], "model": "Cliente", "since": "2026-13-01"}),
            json!({"model": "Cliente"}),
        ] {
            server.post(&path, wrong, 422).await;
        }
    }
}

#[tokio::test]
async fn existing_records_of_an_erp_that_is_polled() {
    let stage = erp_api::Stage::set(Engine::MariaDb).await;
    let receiver = Receiver::start().await;
    for n in 2..=5 {
        stage.erp.put("FacturaCliente", erp_api::invoice(n, f64::from(n)));
        stage.erp.put("LineaFacturaCliente", erp_api::line(n * 10, n, "Otra"));
    }
    let webhook = stage.server.add_endpoint(&receiver.url("/"), &["demo.*"]).await;
    let path = format!("{}/backfill", stage.source);
    let mut after = Value::Null;
    loop {
        let body = json!({"endpoint": webhook["id"], "model": "FacturaCliente", "limit": 2, "after": after});
        after = stage.server.post(&path, body, 202).await["next"].clone();
        if after.is_null() {
            break;
        }
    }
    let came = receiver.wait_for(5).await;
    let mut sent: Vec<(i64, usize)> = came
        .iter()
        .map(|one| {
            let object = &one.json()["data"]["object"];
            (object["idfactura"].as_i64().expect("a key"), object["lines"].as_array().map_or(0, Vec::len))
        })
        .collect();
    sent.sort_unstable();
    assert_eq!(sent, [(1, 1), (2, 1), (3, 1), (4, 1), (5, 1)]);
    let plugin = stage.server.post("/sources", json!({"kind": "plugin", "name": "Otro"}), 201).await;
    let path = format!("/sources/{}/backfill", plugin["id"].as_str().expect("an id"));
    stage.server.post(&path, json!({"endpoint": webhook["id"], "model": "Cliente"}), 409).await;
}

#[tokio::test]
async fn all_existing_records_go_on_where_the_erp_stopped_answering_and_each_comes_once() {
    let stage = erp_api::Stage::set(Engine::MariaDb).await;
    let (server, receiver) = (&stage.server, Receiver::start().await);
    let customers = 2..=230;
    customers.clone().for_each(|n| stage.erp.put("Cliente", erp_api::customer(&n.to_string(), "Otra")));
    let webhook = server.add_endpoint(&receiver.url("/"), &["demo.*"]).await;
    let job = format!("/endpoints/{}/job", webhook["id"].as_str().expect("an id"));
    server.call(Method::GET, &job, None).await.expect(404);
    server.post(&format!("{job}/continue"), json!({}), 409).await;
    let body = json!({"endpoint": webhook["id"], "model": "Cliente"});
    let is_second =
        |asked: &gancho_testkit::Asked| asked.list == "clientes" && asked.get("filter[codcliente_gt]").is_some();
    stage.erp.trap(move |asked| is_second(asked).then_some(gancho_testkit::Trap::Html(500)));
    let begun = server.post(&format!("{}/backfill/start", stage.source), body, 202).await;
    assert_eq!(begun["total"], Value::Null, "nobody has counted");
    let broken = server.wait_until(&job, |job| job["state"] == "broken").await;
    assert_eq!((&broken["sent"], &broken["can_continue"]), (&json!(100), &json!(true)));
    stage.erp.trap(|_| None);
    server.post(&format!("{job}/continue"), json!({}), 202).await;
    let done = server.wait_until(&job, |job| job["state"] == "done" && job["waiting"] == 0).await;
    assert_eq!((&done["total"], &done["delivered"], &done["failed"]), (&json!(230), &json!(230), &json!(0)));
    server.post(&format!("{job}/continue"), json!({}), 409).await;
    let came = receiver.wait_for(230).await;
    let keys: std::collections::BTreeSet<String> =
        came.iter().map(|one| one.json()["data"]["object"]["codcliente"].to_string()).collect();
    assert_eq!((came.len(), keys.len()), (230, 230), "each once");
}

#[tokio::test]
async fn a_replay_says_how_far_it_is() {
    let (server, receiver) = (server().await, Receiver::start().await);
    let webhook = server.add_endpoint(&receiver.url("/"), &["demo.*"]).await;
    for _ in 0..3 {
        server.send("demo.done").await;
    }
    receiver.wait_for(3).await;
    let path = format!("/endpoints/{}", webhook["id"].as_str().expect("an id"));
    let replay = json!({"since": "2026-01-01T00:00:00Z", "only": "all"});
    let dry = json!({"since": "2026-01-01T00:00:00Z", "only": "all", "dry_run": true});
    server.post(&format!("{path}/replay"), dry, 200).await;
    server.call(Method::GET, &format!("{path}/job"), None).await.expect(404);
    assert_eq!(server.post(&format!("{path}/replay"), replay, 202).await, json!({"count": 3}));
    let done = server.wait_until(&format!("{path}/job"), |job| job["waiting"] == 0).await;
    assert_eq!((&done["state"], &done["total"], &done["delivered"]), (&json!("done"), &json!(3), &json!(3)));
    assert_eq!((&done["can_continue"], &done["left_ms"]), (&json!(false), &Value::Null));
    server.post(&format!("{path}/job/continue"), json!({}), 409).await;
}
