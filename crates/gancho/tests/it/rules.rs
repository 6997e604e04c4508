//! Rules of a webhook: conditions, origins that it ignores, companies, templates.

use gancho_testkit::{Receiver, Server};
use reqwest::Method;
use serde_json::{Value, json};

use crate::server;

fn invoice(total: f64) -> Value {
    json!({"event": "invoice.created", "data": {"object": {"idfactura": 7, "codigo": "FAC7", "total": total, "idempresa": 1}}})
}

async fn webhook(server: &Server, receiver: &Receiver, rules: Value) -> String {
    let mut body = json!({"url": receiver.url("/hook"), "events": ["*"]});
    let fields = body.as_object_mut().expect("an object");
    fields.extend(rules.as_object().cloned().unwrap_or_default());
    let made = server.post("/endpoints", body, 201).await;
    made["id"].as_str().expect("an id").to_owned()
}

/// State and reason of an event's only delivery, once it has ended.
async fn ended(server: &Server, event: &str) -> (String, String) {
    let path = format!("/deliveries?event={event}");
    let page =
        server.wait_until(&path, |page| page["data"][0]["state"].as_str().is_some_and(|it| it != "pending")).await;
    let text = |name: &str| page["data"][0][name].as_str().unwrap_or_default().to_owned();
    (text("state"), text("reason"))
}

async fn send(server: &Server, event: Value) -> String {
    server.post("/events", event, 202).await["id"].as_str().expect("an id").to_owned()
}

#[tokio::test]
async fn a_condition_chooses_and_one_that_errs_skips_visibly() {
    let (server, receiver) = (server().await, Receiver::start().await);
    let id = webhook(&server, &receiver, json!({"condition": "data.object.total > 1000"})).await;
    let (large, small) = (send(&server, invoice(1000.5)).await, send(&server, invoice(1000.0)).await);
    let other = send(&server, json!({"event": "shop.thing", "data": {"object": {}}})).await;
    let outcome = async |event: &str| ended(&server, event).await;
    assert_eq!(outcome(&large).await, ("delivered".into(), String::new()));
    assert_eq!(outcome(&small).await, ("skipped".into(), "condition".into()));
    assert_eq!(outcome(&other).await, ("skipped".into(), "condition_error".into()));
    assert_eq!(receiver.received().len(), 1);
    // Who changes the condition replays what would go today.
    server.patch(&format!("/endpoints/{id}"), json!({"condition": "data.object.total > 500"})).await;
    let replay = |dry| json!({"since": "2020-01-01T00:00:00Z", "only": "missed", "dry_run": dry});
    let path = format!("/endpoints/{id}/replay");
    assert_eq!(server.post(&path, replay(true), 200).await["count"], 1, "the other still errs");
    assert_eq!(server.post(&path, replay(false), 202).await["count"], 1);
    receiver.wait_until("the small one came", |all| all.iter().any(|one| one.id() == small)).await;
    assert_eq!(outcome(&small).await.0, "delivered");
    let refused =
        server.call(Method::POST, &format!("/deliveries/{}/retry", delivery(&server, &other).await), None).await;
    refused.expect(409);
}

#[tokio::test]
async fn a_webhook_whose_events_were_all_left_out_is_not_called_new() {
    let (server, receiver) = (server().await, Receiver::start().await);
    let id = webhook(&server, &receiver, json!({"condition": "data.object.total > 1000"})).await;
    let path = format!("/endpoints/{id}");
    let sentence = async || server.get(&path).await["health"]["summary"].as_str().expect("a sentence").to_owned();
    assert!(!sentence().await.contains("left them out"));
    let small = send(&server, invoice(10.0)).await;
    ended(&server, &small).await;
    assert!(sentence().await.contains("left them out"), "{}", sentence().await);
}

async fn delivery(server: &Server, event: &str) -> String {
    server.get(&format!("/deliveries?event={event}")).await["data"][0]["id"].as_str().expect("an id").to_owned()
}

#[tokio::test]
async fn what_a_webhook_wrote_itself_is_not_sent_to_it() {
    let (server, receiver) = (server().await, Receiver::start().await);
    webhook(&server, &receiver, json!({"ignore_origins": ["api:3", "cron"]})).await;
    let with = |origin: Value| {
        let mut event = invoice(1.0);
        event["origin"] = origin;
        event
    };
    for (origin, state) in [
        (json!({"kind": "api", "id": 3, "name": "Tienda"}), "skipped"),
        (json!({"kind": "api", "id": "3"}), "skipped"),
        (json!({"kind": "cron"}), "skipped"),
        (json!({"kind": "api", "id": 4}), "delivered"),
        (json!({"kind": "user", "id": "ana"}), "delivered"),
        (Value::Null, "delivered"),
    ] {
        let id = send(&server, with(origin.clone())).await;
        let (ended, reason) = ended(&server, &id).await;
        assert_eq!(
            (ended.as_str(), reason.as_str()),
            (state, if state == "skipped" { "origin" } else { "" }),
            "{origin}"
        );
        let body = server.get(&format!("/events/{id}")).await;
        assert_eq!(body["origin"], origin, "the origin that was sent, and none where none was: {body}");
        assert_eq!(body.as_object().expect("an object").contains_key("origin"), !origin.is_null());
    }
    for wrong in
        [json!({"kind": "nobody"}), json!({"id": 3}), json!({"kind": "api", "id": []}), json!({"kind": "api", "x": 1})]
    {
        server.post("/events", with(wrong), 422).await;
    }
}

#[tokio::test]
async fn changes_of_one_act_have_an_origin_only_where_they_share_it() {
    let server = server().await;
    let source = server.post("/sources", json!({"kind": "plugin", "name": "ERP"}), 201).await;
    let token = source["token"].as_str().expect("a token").to_owned();
    let change = |burst: &str, total: i64, origin: Value| {
        let row = |total| json!({"idfactura": 7, "codigo": "F7", "total": total});
        json!({"model": "FacturaCliente", "operation": "update", "key": 7, "before": row(total - 1), "after": row(total),
            "burst": burst, "origin": origin})
    };
    let (shop, ana) = (json!({"kind": "api", "id": 3, "name": "Tienda"}), json!({"kind": "user", "id": "ana"}));
    let changes = [
        change("a", 2, shop.clone()),
        change("a", 3, shop.clone()),
        change("b", 4, shop.clone()),
        change("b", 5, ana.clone()),
        change("c", 6, Value::Null),
    ];
    let answer = server.call_as(&token, Method::POST, "/changes", Some(json!({"changes": changes}))).await.expect(202);
    let ids: Vec<&str> = answer["events"].as_array().expect("ids").iter().filter_map(Value::as_str).collect();
    assert_eq!(ids.len(), 3, "{answer}");
    let mut origins = vec![];
    for id in ids {
        origins.push(server.get(&format!("/events/{id}")).await["origin"].clone());
    }
    assert_eq!(origins, [shop, Value::Null, Value::Null], "another had a part in the second");
}

#[tokio::test]
async fn a_template_s_bytes_are_stored_signed_and_sent() {
    let (server, receiver) = (server().await, Receiver::start().await);
    let template = r#"{"text":"Factura {{ data.object.codigo }}: {{ data.object.total|money }} €"}"#;
    let id = webhook(&server, &receiver, json!({"template": template})).await;
    let secret = server.get(&format!("/endpoints/{id}/secret")).await["secret"].as_str().expect("one").to_owned();
    let event = send(&server, invoice(1210.5)).await;
    let sent = r#"{"text":"Factura FAC7: 1.210,50 €"}"#;
    let came = &receiver.wait_for(1).await[0];
    assert_eq!(came.body, sent);
    assert_eq!(
        came.header("x-webhook-signature"),
        gancho_receiver::sign::plain(&gancho_receiver::Secret::new(secret), sent.as_bytes())
    );
    assert_eq!(came.id(), event);
    let delivery = server.get(&format!("/deliveries/{}", delivery(&server, &event).await)).await;
    assert_eq!(delivery["body"], sent);
    assert_eq!(
        server.get(&format!("/events/{event}")).await["event"],
        "invoice.created",
        "the event itself does not change"
    );
    // Another template changes nothing of what was made.
    server.patch(&format!("/endpoints/{id}"), json!({"template": "{{ data.object }}"})).await;
    server.post(&format!("/deliveries/{}/retry", delivery["id"].as_str().expect("an id")), json!({}), 200).await;
    assert_eq!(receiver.wait_for(2).await[1].body, sent);
    // What makes no JSON is skipped; a sample of it is refused.
    server.patch(&format!("/endpoints/{id}"), json!({"template": "{{ data.object.codigo }}"})).await;
    let broken = send(&server, invoice(1.0)).await;
    assert_eq!(ended(&server, &broken).await, ("skipped".into(), "template_error".into()));
    server.post(&format!("/endpoints/{id}/test"), json!({}), 409).await;
    server.patch(&format!("/endpoints/{id}"), json!({"template": null, "companies": [2]})).await;
    let elsewhere = send(&server, invoice(1.0)).await;
    assert_eq!(ended(&server, &elsewhere).await, ("skipped".into(), "company".into()));
}

#[tokio::test]
async fn rules_that_are_wrong_are_refused_and_shown_as_they_are() {
    let (server, receiver) = (server().await, Receiver::start().await);
    for wrong in [
        json!({"condition": "total >"}),
        json!({"condition": "total > 1"}),
        json!({"condition": ""}),
        json!({"condition": 1}),
        json!({"template": "{{ data"}),
        json!({"template": " "}),
        json!({"ignore_origins": ["shop"]}),
        json!({"ignore_origins": "api:3"}),
        json!({"companies": ["x"]}),
        json!({"companies": [0]}),
    ] {
        let field = wrong.as_object().and_then(|fields| fields.keys().next().cloned()).expect("a field");
        let mut body = json!({"url": receiver.url("/"), "events": ["*"]});
        body[&field] = wrong[&field].clone();
        let problem = server.post("/endpoints", body, 422).await;
        assert!(problem["errors"][0]["field"].as_str().is_some_and(|it| it.starts_with(&field)), "{wrong}: {problem}");
    }
    let rules =
        json!({"condition": "created > 0", "template": "{{ data }}", "ignore_origins": ["api:3"], "companies": [1]});
    let id = webhook(&server, &receiver, rules.clone()).await;
    let shown = server.get(&format!("/endpoints/{id}")).await;
    for (field, value) in rules.as_object().expect("an object") {
        assert_eq!(&shown[field], value);
    }
    let cleared = json!({"condition": null, "template": null, "ignore_origins": null, "companies": null});
    let shown = server.patch(&format!("/endpoints/{id}"), cleared).await;
    assert_eq!((&shown["condition"], &shown["ignore_origins"]), (&Value::Null, &json!([])));
}

#[tokio::test]
async fn rules_are_tried_on_last_weeks_events() {
    let server = server().await;
    for total in [10.0, 20.0, 3000.0] {
        send(&server, invoice(total)).await;
    }
    send(&server, json!({"event": "invoice.created", "data": {"object": {}}})).await;
    let rules = json!({"events": ["invoice.*"], "condition": "data.object.total > 15", "template": "{\"t\":{{ data.object.total }}}"});
    let tried = server.post("/endpoints/preview", rules, 200).await;
    assert_eq!((&tried["looked_at"], &tried["sent"], &tried["more"]), (&json!(4), &json!(2), &json!(false)));
    assert_eq!(tried["refused"], json!({"condition": 1, "condition_error": 1}));
    assert_eq!(tried["examples"][0]["body"], "{\"t\":3000}");
    assert!(tried["error"].as_str().is_some_and(|why| why.contains("total")), "{tried}");
    server.post("/endpoints/preview", json!({"events": ["*"], "condition": "x"}), 422).await;
    let presets = server.get("/template-presets").await;
    assert!(presets["data"].as_array().is_some_and(|all| all.iter().any(|one| one["name"] == "slack")));
}

#[tokio::test]
async fn fields_that_are_masked_are_not_sent_in_whatever_way() {
    let (server, receiver, other) = (server().await, Receiver::start().await, Receiver::start().await);
    let template = r#"{"to": {{ data.object.email | tojson }}, "n": {{ data.object.n }}}"#;
    let masked = json!({"url": receiver.url("/plain"), "events": ["demo.*"], "mask": ["email", "phone"],
        "condition": "data.object.email == \"ana@example.com\""});
    let masked = server.post("/endpoints", masked, 201).await;
    assert_eq!(masked["mask"], json!(["email", "phone"]));
    let shaped = json!({"url": receiver.url("/shaped"), "events": ["demo.*"], "mask": ["email"], "template": template});
    server.post("/endpoints", shaped, 201).await;
    server.add_endpoint(&other.url("/"), &["demo.*"]).await;
    let secret = "ana@example.com";
    let object =
        json!({"n": 1, "email": secret, "phone": null, "lines": [{"email": secret}], "customer": {"email": secret}});
    let data = json!({"object": object, "previous": {"email": secret}});
    server.post("/events", json!({"event": "demo.made", "data": data}), 202).await;

    let came = receiver.wait_for(2).await;
    assert!(came.iter().all(|one| !String::from_utf8_lossy(&one.body).contains(secret)));
    let of = |path: &str| came.iter().find(|one| one.path == path).expect("came").json();
    let plain = of("/plain");
    assert_eq!(plain["data"]["object"]["lines"][0]["email"], "***");
    assert_eq!(
        (&plain["data"]["object"]["phone"], &plain["data"]["object"]["n"]),
        (&Value::Null, &json!(1)),
        "{plain}"
    );
    assert_eq!(plain["data"]["previous"]["email"], "***");
    assert_eq!(of("/shaped"), json!({"to": "***", "n": 1}));
    assert_eq!(other.wait_for(1).await[0].json()["data"], data, "others get all of it");

    // What is sent again is masked, too; and what is not masked any more is sent.
    let path = format!("/endpoints/{}", masked["id"].as_str().expect("an id"));
    server.post(&format!("{path}/replay"), json!({"since": "2020-01-01T00:00:00Z", "only": "all"}), 202).await;
    let again = receiver.wait_for(3).await;
    assert!(again.iter().all(|one| !String::from_utf8_lossy(&one.body).contains(secret)));
    server.patch(&path, json!({"mask": null})).await;
    server.post("/events", json!({"event": "demo.made", "data": data}), 202).await;
    receiver
        .wait_until("it is whole again", |all| {
            all.iter().any(|one| String::from_utf8_lossy(&one.body).contains(secret))
        })
        .await;
    let wrong = server.call(Method::PATCH, &path, Some(json!({"mask": [""]}))).await;
    assert_eq!((wrong.status, &wrong.body["errors"][0]["field"]), (422, &json!("mask")));
}
