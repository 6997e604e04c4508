//! From changes to events, rule by rule of EVENTS.

use gancho_facturascripts::{ReferenceData, Watched, event_types, shape::Shape, understand};
use gancho_model::{Change, EventType, ObjectKey, Operation, Payload, Record, Timestamp};
use proptest::prelude::*;
use serde_json::{Value, json};

fn record(value: Value) -> Option<Record> {
    value.as_object().cloned()
}

/// `model:key`, and the two sides; null is no side. The operation follows.
fn change(row: &str, before: Value, after: Value) -> Change {
    let operation = match (&before, &after) {
        (Value::Null, _) => Operation::Insert,
        (_, Value::Null) => Operation::Delete,
        _ => Operation::Update,
    };
    let row = ObjectKey::parse(row).expect("model:key");
    Change {
        id: None,
        row,
        operation,
        before: record(before),
        after: record(after),
        at: None,
        burst: None,
        session: None,
        origin: None,
    }
}

fn in_burst(burst: &str, change: Change) -> Change {
    Change { burst: Some(burst.into()), ..change }
}

fn payloads_of(changes: Vec<Change>, models: Option<&[String]>, knowledge: &mut ReferenceData) -> Vec<Payload> {
    let shape = Shape::new("Europe/Madrid").expect("a zone");
    understand(changes, &shape, &Watched::new(models), knowledge).events.into_iter().map(|(_, event)| event).collect()
}

fn payloads(changes: Vec<Change>) -> Vec<Payload> {
    payloads_of(changes, None, &mut ReferenceData::default())
}

fn types(changes: Vec<Change>) -> Vec<String> {
    payloads(changes).into_iter().map(|payload| payload.event.to_string()).collect()
}

#[test]
fn rule_1_a_burst_is_one_act() {
    let row = "FacturaCliente:7";
    let insert = || in_burst("a", change(row, Value::Null, json!({"idfactura": 7, "total": 0, "pagada": false})));
    let update = |from: i32, to: i32| {
        in_burst("a", change(row, json!({"idfactura": 7, "total": from}), json!({"idfactura": 7, "total": to})))
    };
    let delete = || in_burst("a", change(row, json!({"idfactura": 7, "total": 5}), Value::Null));

    let created = payloads(vec![insert(), update(0, 3), update(3, 5)]);
    assert_eq!(created.len(), 1);
    assert_eq!(created[0].event.as_str(), "invoice.created");
    assert_eq!(created[0].data["object"]["total"], 5);

    let updated = payloads(vec![update(1, 3), update(3, 5)]);
    assert_eq!(updated.len(), 1);
    assert_eq!((&updated[0].data["previous"]["total"], &updated[0].data["object"]["total"]), (&json!(1), &json!(5)));

    assert_eq!(types(vec![insert(), update(0, 3), delete()]), [""; 0]);
    let deleted = payloads(vec![update(1, 5), delete()]);
    assert_eq!(deleted.len(), 1);
    assert_eq!((deleted[0].event.as_str(), &deleted[0].data["object"]["total"]), ("invoice.deleted", &json!(5)));
    assert_eq!(types(vec![update(1, 3), update(3, 1)]), [""; 0], "back where it was is no change");
    assert_eq!(types(vec![insert(), delete(), insert()]), ["invoice.created"], "came, went, came");
    assert_eq!(types(vec![delete(), insert()]), ["invoice.updated"]);

    let apart = vec![insert(), Change { burst: Some("b".into()), ..update(0, 3) }, Change { burst: None, ..delete() }];
    assert_eq!(types(apart), ["invoice.created", "invoice.updated", "invoice.deleted"]);
}

#[test]
fn rule_1_the_lines_of_an_earlier_change_stay() {
    let lines = json!([{"idlinea": 1, "cantidad": 2}]);
    let insert = in_burst("a", change("PedidoCliente:1", Value::Null, json!({"total": 0, "lines": lines})));
    let update = in_burst("a", change("PedidoCliente:1", json!({"total": 0}), json!({"total": 9})));
    assert_eq!(payloads(vec![insert, update])[0].data["object"], json!({"total": 9, "lines": lines}));
}

#[test]
fn rules_2_and_4_flags_that_turn() {
    let invoice = |paid: bool, due: bool| json!({"pagada": paid, "vencida": due});
    let of = |before, after| types(vec![change("FacturaCliente:1", before, after)]);
    assert_eq!(of(invoice(false, false), invoice(true, false)), ["invoice.updated", "invoice.paid"]);
    assert_eq!(of(invoice(true, false), invoice(false, false)), ["invoice.updated", "invoice.unpaid"]);
    assert_eq!(of(invoice(true, false), invoice(false, true)), ["invoice.updated", "invoice.unpaid"]);
    assert_eq!(of(invoice(false, false), invoice(false, true)), ["invoice.updated", "invoice.overdue"]);
    assert_eq!(of(invoice(false, true), invoice(true, false)), ["invoice.updated", "invoice.paid"]);
    assert_eq!(of(invoice(true, true), invoice(true, true)), [""; 0]);
    assert_eq!(of(Value::Null, invoice(true, true)), ["invoice.created", "invoice.paid"]);
    assert_eq!(of(Value::Null, invoice(false, true)), ["invoice.created"], "born due is not overdue");
    let receipt =
        change("ReciboProveedor:1", json!({"pagado": "0", "vencido": "0"}), json!({"pagado": "t", "vencido": false}));
    assert_eq!(types(vec![receipt]), ["supplier_receipt.updated", "supplier_receipt.paid"]);
    let without_before =
        Change { operation: Operation::Update, ..change("FacturaCliente:1", Value::Null, invoice(true, true)) };
    let events = payloads(vec![without_before]);
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].event.as_str(), "invoice.updated");
    assert!(!events[0].data.contains_key("previous"));
}

#[test]
fn rule_3_approved() {
    let state = |id: i32| json!({"idestado": id});
    let of = |row: &str, from, to| types(vec![change(row, state(from), state(to))]);
    assert_eq!(of("PresupuestoCliente:1", 1, 2), ["estimate.updated", "estimate.approved"]);
    assert_eq!(of("PresupuestoCliente:1", 1, 3), ["estimate.updated"], "rejected is not approved");
    assert_eq!(of("FacturaCliente:1", 10, 11), ["invoice.updated", "invoice.approved"]);
    assert_eq!(of("FacturaCliente:1", 11, 10), ["invoice.updated"]);
    assert_eq!(of("AlbaranProveedor:1", 18, 19), ["supplier_delivery_note.updated", "supplier_delivery_note.approved"]);
    assert_eq!(of("FacturaCliente:1", 10, 99), ["invoice.updated"], "a state that nobody knows");

    let own = change("EstadoDocumento:99", Value::Null, json!({"idestado": 99, "generadoc": null, "editable": "f"}));
    let mut knowledge = ReferenceData::default();
    let both = vec![own, change("FacturaCliente:1", state(10), state(99))];
    let reported: Vec<_> =
        payloads_of(both, None, &mut knowledge).iter().map(|event| event.event.to_string()).collect();
    assert_eq!(reported, ["invoice.updated", "invoice.approved"], "a state of this ERP's own");
}

#[test]
fn rule_5_noise_is_not_news() {
    for (row, columns) in [
        ("Cliente:1", &["riesgoalcanzado", "codsubcuenta"][..]),
        ("Proveedor:1", &["codsubcuenta"]),
        ("Producto:1", &["stockfis", "actualizado"]),
        ("Variante:1", &["stockfis"]),
        ("User:ana", &["lastactivity", "lastip", "lastbrowser"]),
        ("AlbaranCliente:1", &["numdocs", "idasiento"]),
    ] {
        for column in columns {
            let noise = change(row, json!({*column: "1", "x": 1}), json!({*column: "2", "x": 1}));
            assert_eq!(types(vec![noise]), [""; 0], "{row} {column}");
            let news = payloads(vec![change(row, json!({*column: "1", "x": 1}), json!({*column: "2", "x": 2}))]);
            assert_eq!(news.len(), 1, "{row} {column}");
            assert_eq!(news[0].data["previous"], json!({"x": 1}), "{column} is none beside news either");
        }
    }
    let lines = |served: i32, quantity: i32| json!({"lines": [{"idlinea": 1, "servido": served, "actualizastock": -served, "cantidad": quantity}]});
    assert_eq!(types(vec![change("PedidoCliente:1", lines(0, 2), lines(2, 2))]), [""; 0]);
    let edited = payloads(vec![change("PedidoCliente:1", lines(0, 2), lines(0, 3))]);
    assert_eq!(edited[0].data["previous"]["lines"][0]["cantidad"], 2);
    assert_eq!(
        types(vec![change("Cliente:1", json!({"riesgomax": "10.0"}), json!({"riesgomax": 10}))]),
        [""; 0],
        "the same number"
    );
}

#[test]
fn rule_6_users() {
    let user = |extra: Value| {
        let mut user =
            json!({"nick": "ana", "enabled": true, "password": "old-hash", "logkey": "k1", "email": "a@example.com"});
        user.as_object_mut().expect("an object").extend(extra.as_object().expect("an object").clone());
        user
    };
    let of = |extra: Value| payloads(vec![change("User:ana", user(json!({})), user(extra))]);
    let names = |events: &[Payload]| events.iter().map(|event| event.event.to_string()).collect::<Vec<_>>();

    assert_eq!(names(&of(json!({"logkey": "k2", "lastactivity": "x"}))), ["user.session_changed"]);
    let password = of(json!({"password": "new-hash"}));
    assert_eq!(names(&password), ["user.updated"]);
    assert_eq!(password[0].data["changed"], json!(["password"]));
    assert!(!serde_json::to_string(&password[0].data).expect("JSON").contains("hash"));
    assert_eq!(names(&of(json!({"enabled": false}))), ["user.updated", "user.disabled"]);
    assert_eq!(names(&of(json!({"email": "b@example.com", "logkey": "k3"}))), ["user.updated", "user.session_changed"]);
}

#[test]
fn rule_6_permissions() {
    let mut knowledge = ReferenceData::default();
    let mut tell = |changes| payloads_of(changes, None, &mut knowledge);
    tell(vec![
        change("User:ana", Value::Null, json!({"nick": "ana", "email": "a@example.com", "logkey": "x"})),
        change("User:luis", Value::Null, json!({"nick": "luis"})),
    ]);
    let joined = tell(vec![change("RoleUser:1", Value::Null, json!({"id": 1, "codrole": "ventas", "nick": "ana"}))]);
    assert_eq!(joined.len(), 1);
    assert_eq!(joined[0].event.as_str(), "user.permissions_changed");
    assert_eq!(joined[0].data["object"], json!({"nick": "ana", "email": "a@example.com"}));
    assert_eq!(joined[0].data["cause"], json!({"id": 1, "codrole": "ventas", "nick": "ana"}));
    tell(vec![change("RoleUser:2", Value::Null, json!({"id": 2, "codrole": "ventas", "nick": "luis"}))]);
    let right = tell(vec![change(
        "RoleAccess:5",
        json!({"codrole": "ventas", "allowdelete": false}),
        json!({"codrole": "ventas", "allowdelete": true}),
    )]);
    let nicks: Vec<_> = right.iter().map(|event| event.data["object"]["nick"].clone()).collect();
    assert_eq!(nicks, ["ana", "luis"]);
    let gone = tell(vec![
        in_burst("z", change("RoleUser:1", json!({"id": 1, "codrole": "ventas", "nick": "ana"}), Value::Null)),
        in_burst("z", change("RoleUser:2", json!({"id": 2, "codrole": "ventas", "nick": "luis"}), Value::Null)),
        in_burst("z", change("Role:ventas", json!({"codrole": "ventas"}), Value::Null)),
    ]);
    assert_eq!(gone.len(), 2, "one for each user, although three rows went");
    let deleted = tell(vec![
        in_burst("y", change("User:ana", json!({"nick": "ana", "email": "ana@example.com"}), Value::Null)),
        in_burst("y", change("RoleUser:3", json!({"id": 3, "codrole": "caja", "nick": "ana"}), Value::Null)),
    ]);
    let types: Vec<_> = deleted.iter().map(|event| event.event.as_str()).collect();
    assert_eq!(types, ["user.deleted", "user.permissions_changed"], "what goes with them counts (rule 10)");
}

#[test]
fn rule_8_never_out() {
    let models = ["settings".to_owned(), "ApiKey".to_owned()];
    let both = vec![
        change("Settings:default", Value::Null, json!({"name": "default", "properties": "{\"mailpassword\":1}"})),
        change("api_keys:1", Value::Null, json!({"id": 1, "apikey": "very-secret", "nick": "ana"})),
    ];
    let events = payloads_of(both, Some(&models), &mut ReferenceData::default());
    assert_eq!(events.len(), 1, "settings never, even when asked for");
    assert_eq!(events[0].data["model"], "ApiKey");
    assert_eq!(events[0].data["object"], json!({"id": 1, "nick": "ana"}));
}

#[test]
fn rule_11_low_stock() {
    let stock = |there: i32, least: i32| json!({"disponible": there, "stockmin": least});
    let of = |before, after| types(vec![change("Stock:1", before, after)]);
    assert_eq!(of(stock(10, 5), stock(4, 5)), ["stock.updated", "stock.low"]);
    assert_eq!(of(stock(4, 5), stock(3, 5)), ["stock.updated"], "reported already");
    assert_eq!(of(stock(10, 5), stock(5, 5)), ["stock.updated"], "at the minimum is not below");
    assert_eq!(of(stock(10, 0), stock(-1, 0)), ["stock.updated"], "no minimum, no alarm");
}

#[test]
fn other_models_only_when_asked_for() {
    let series = || change("Serie:A", json!({"descripcion": "x"}), json!({"descripcion": "y"}));
    assert_eq!(types(vec![series()]), [""; 0]);
    let models = ["series".to_owned(), "tpv_cajas".to_owned()];
    let changes = vec![
        series(),
        change("tpv_cajas:1", json!({"id": 1}), Value::Null),
        change("Cliente:1", Value::Null, json!({})),
    ];
    let events = payloads_of(changes, Some(&models), &mut ReferenceData::default());
    let reported: Vec<_> = events.iter().map(|event| (event.event.as_str(), event.data["model"].as_str())).collect();
    assert_eq!(reported, [("model.saved", Some("Serie")), ("model.deleted", Some("tpv_cajas"))]);
}

#[test]
fn payments_are_recorded_and_the_time_is_the_change_s() {
    let at = Some(Timestamp::from_s(1_709_546_400));
    let paid = Change { at, ..change("PagoCliente:1", Value::Null, json!({"importe": "-10"})) };
    let events = payloads(vec![paid]);
    assert_eq!((events[0].event.as_str(), events[0].at), ("payment.recorded", at));
    assert_eq!(events[0].data["object"]["importe"], -10);
}

#[test]
fn every_type_has_a_sample_and_a_schema() {
    let all: Vec<_> = event_types::all().collect();
    assert!(all.len() > 80);
    for known in &all {
        let (data, object) = event_types::sample(&known.event);
        assert!(data["object"].as_object().is_some_and(|record| record.len() > 2), "{}", known.event);
        assert!(object.is_some(), "{}", known.event);
        assert_eq!(event_types::schema(known)["properties"]["event"]["const"], known.event.as_str());
    }
    let custom = EventType::parse("subscription.renewed").expect("a type");
    assert!(event_types::sample(&custom).0.contains_key("object"));
}

proptest! {
    /// Whatever a burst does, what remains is at most one act for each row, and never a contradiction.
    #[test]
    fn a_burst_leaves_at_most_one_act(steps in prop::collection::vec((0..3u8, 0..5i32), 1..8)) {
        let mut row: Option<i32> = None;
        let start = steps[0].0 != 0;
        if start { row = Some(100); }
        let first = row;
        let mut changes = vec![];
        for (kind, value) in steps {
            let record = |total: i32| json!({"idfactura": 1, "total": total});
            match (kind, row) {
                (0, None) => { changes.push(change("FacturaCliente:1", Value::Null, record(value))); row = Some(value); }
                (1, Some(old)) => { changes.push(change("FacturaCliente:1", record(old), record(value))); row = Some(value); }
                (2, Some(old)) => { changes.push(change("FacturaCliente:1", record(old), Value::Null)); row = None; }
                _ => {}
            }
        }
        let reported = payloads(changes.into_iter().map(|one| in_burst("a", one)).collect());
        let right: &[&str] = match (first, row) {
            (None, None) => &[],
            (None, Some(_)) => &["invoice.created"],
            (Some(_), None) => &["invoice.deleted"],
            (Some(old), Some(new)) if old == new => &[],
            (Some(_), Some(_)) => &["invoice.updated"],
        };
        prop_assert_eq!(reported.iter().map(|event| event.event.as_str()).collect::<Vec<_>>(), right);
        if let (Some(event), Some(total)) = (reported.first(), row) {
            prop_assert_eq!(&event.data["object"]["total"], &json!(total));
        }
    }
}
