//! Sources of kind api: a fake ERP that behaves like a recorded one, and lies like one.

use gancho_testkit::{Engine, ErpApi, FULL_KEY, Server, ServerOptions};
use serde_json::{Value, json};

use crate::{BINARY, erp_database::types};

/// The day of all documents; ten years back are read again.
const DAY: &str = "2026-11-24";

/// A server that asks an ERP.
pub struct Stage {
    pub server: Server,
    pub erp: ErpApi,
    /// `/sources/src_…`
    pub source: String,
}

/// Asks all the time, in small pages.
pub fn options() -> ServerOptions {
    let fast = [
        ("NEW_S", 0),
        ("CHANGES_S", 0),
        ("SWEEP_S", 0),
        ("CHANGES_DAYS", 3650),
        ("REQUESTS_PER_S", 10_000),
        ("PAGE_ROWS", 10),
    ];
    let options = ServerOptions::default().env("GANCHO_LOG_LEVEL", "error");
    fast.into_iter().fold(options, |options, (name, value)| options.env(&format!("GANCHO_API_{name}"), value))
}

impl Stage {
    pub async fn set(engine: Engine) -> Self {
        let erp = ErpApi::start(engine).await;
        erp.put("Cliente", customer("1", "Ana"));
        erp.put("FacturaCliente", invoice(1, 121.0));
        erp.put("LineaFacturaCliente", line(1, 1, "Uno"));
        Self::of(erp).await
    }

    pub async fn of(erp: ErpApi) -> Self {
        Self::with(erp, options()).await
    }

    pub async fn with(erp: ErpApi, options: ServerOptions) -> Self {
        let server = Server::start(BINARY, options).await;
        let source = json!({"kind": "api", "name": "ERP", "url": erp.url(), "key": FULL_KEY});
        let source = server.post("/sources", source, 201).await;
        let stage = Self { server, erp, source: format!("/sources/{}", source["id"].as_str().expect("an id")) };
        stage.erp.settled().await;
        stage
    }

    /// All events, once everything was asked again.
    pub async fn events(&self) -> Vec<Value> {
        self.erp.settled().await;
        self.server.get("/events?limit=500").await["data"].as_array().expect("a list").clone()
    }
}

pub fn customer(key: &str, name: &str) -> Value {
    json!({"codcliente": key, "nombre": name, "fechaalta": "2026-01-01", "personafisica": true})
}

pub fn invoice(key: u32, total: f64) -> Value {
    json!({"idfactura": key, "codigo": format!("FAC{key}"), "codcliente": "1", "total": total, "pagada": false,
        "vencida": false, "idestado": 10, "fecha": DAY, "hora": "18:30:00"})
}

pub fn line(key: u32, invoice: u32, text: &str) -> Value {
    json!({"idlinea": key, "idfactura": invoice, "descripcion": text, "cantidad": 1.0, "pvptotal": 100.0})
}

#[tokio::test]
async fn what_was_there_is_no_news_and_what_comes_is() {
    for engine in Engine::ALL {
        let stage = Stage::set(engine).await;
        assert_eq!(types(&stage.events().await), Vec::<&str>::new(), "{engine:?}: the first reading tells nothing");
        stage.erp.put("FacturaCliente", invoice(2, 242.0));
        stage.erp.put("LineaFacturaCliente", line(2, 2, "O&#39;Neill"));
        stage.erp.put("LineaFacturaCliente", line(3, 2, "Dos"));
        stage.erp.set("Cliente", "1", json!({"riesgoalcanzado": 242.0}));
        let events = stage.events().await;
        assert_eq!(types(&events), ["invoice.created"], "the customer's risk is no news");
        let object = &events[0]["data"]["object"];
        assert_eq!(
            (&object["total"], &object["fecha"], &object["hora"]),
            (&json!(242), &json!(DAY), &json!("18:30:00"))
        );
        assert_eq!(object["lines"][0]["descripcion"], "O'Neill");
        assert_eq!(object["lines"][1]["idlinea"], 3);
        assert_eq!(stage.server.get(&stage.source).await["state"], "ok");
    }
}

#[tokio::test]
async fn changes_are_found_by_comparing() {
    let stage = Stage::set(Engine::MariaDb).await;
    stage.erp.set("Cliente", "1", json!({"nombre": "Eva"}));
    stage.events().await;
    stage.erp.set("LineaFacturaCliente", "1", json!({"cantidad": 5.0}));
    let events = stage.events().await;
    assert_eq!(types(&events), ["customer.updated", "invoice.updated"]);
    assert_eq!(events[0]["data"]["previous"], json!({"nombre": "Ana"}));
    assert_eq!(events[1]["data"]["previous"]["lines"][0]["cantidad"], 1);
    assert_eq!(events[1]["data"]["object"]["lines"][0]["cantidad"], 5);
}

/// One act on a role's rights is one event for each user, as by triggers; what is derived is not among what was before.
#[tokio::test]
async fn rights_are_told_once_and_derived_columns_are_not_shown() {
    let stage = Stage::set(Engine::MariaDb).await;
    stage.erp.put("User", json!({"nick": "luis", "enabled": true}));
    stage.erp.put("Role", json!({"codrole": "ventas"}));
    stage.erp.put("RoleUser", json!({"id": 1, "nick": "luis", "codrole": "ventas"}));
    let began = stage.events().await.len();
    stage.erp.trap(|_| Some(gancho_testkit::Trap::Html(503)));
    for id in 1..5 {
        let access = json!({"id": id, "codrole": "ventas", "pagename": format!("Page{id}")});
        stage.erp.put("RoleAccess", access);
    }
    stage.erp.set("Cliente", "1", json!({"riesgoalcanzado": 5.0, "nombre": "Eva"}));
    stage.erp.trap(|_| None);
    let events = stage.events().await.split_off(began);
    let mut reported = types(&events);
    reported.sort_unstable();
    assert_eq!(reported, ["customer.updated", "user.permissions_changed"]);
    let customer = events.iter().find(|event| event["event"] == "customer.updated").expect("the event");
    assert_eq!(customer["data"]["previous"], json!({"nombre": "Ana"}));
}

#[tokio::test]
async fn a_payment_shows_at_its_invoice_however_old_that_is() {
    let erp = ErpApi::start(Engine::MariaDb).await;
    erp.put(
        "FacturaCliente",
        json!({"idfactura": 1, "total": 10.0, "pagada": false, "vencida": true, "fecha": "2010-01-01"}),
    );
    erp.put("LineaFacturaCliente", line(1, 1, "Uno"));
    erp.put(
        "ReciboCliente",
        json!({"idrecibo": 7, "idfactura": 1, "pagado": false, "vencido": true, "fecha": "2010-01-01"}),
    );
    // Neither its day nor a reading of everything would show it.
    let stage = Stage::with(erp, options().env("GANCHO_API_SWEEP_S", 86_400)).await;
    // As the ERP writes them: at last the payment can be seen, with all that it changed.
    stage.erp.trap(|_| Some(gancho_testkit::Trap::Html(503)));
    stage
        .erp
        .put("PagoCliente", json!({"idpago": 3, "idrecibo": 7, "importe": 10.0, "fecha": DAY, "hora": "10:00:00"}));
    stage.erp.set("ReciboCliente", "7", json!({"pagado": true, "vencido": false}));
    stage.erp.set("FacturaCliente", "1", json!({"pagada": true, "vencida": false}));
    stage.erp.trap(|_| None);
    let mut events: Vec<String> = types(&stage.events().await).into_iter().map(ToOwned::to_owned).collect();
    events.sort();
    assert_eq!(events, ["invoice.paid", "invoice.updated", "payment.recorded", "receipt.paid", "receipt.updated"]);
}

#[tokio::test]
async fn what_is_gone_is_told_with_its_last_lines() {
    let stage = Stage::set(Engine::Postgres).await;
    stage.erp.put("User", json!({"nick": "luis", "enabled": true}));
    stage.erp.put("RoleUser", json!({"id": 1, "nick": "luis", "codrole": "ventas"}));
    stage.events().await;
    stage.erp.remove("LineaFacturaCliente", "1");
    stage.erp.remove("FacturaCliente", "1");
    stage.erp.remove("Cliente", "1");
    stage.erp.remove("RoleUser", "1");
    let events = stage.events().await;
    let mut reported = types(&events)[2..].to_vec();
    reported.sort_unstable();
    assert_eq!(reported, ["customer.deleted", "invoice.deleted", "user.permissions_changed"]);
    let gone = events.iter().find(|event| event["event"] == "invoice.deleted").expect("the event");
    assert_eq!(gone["data"]["object"]["lines"][0]["descripcion"], "Uno");
}

#[tokio::test]
async fn a_document_being_made_waits_for_its_lines() {
    let stage = Stage::set(Engine::MariaDb).await;
    stage.erp.put("FacturaCliente", invoice(2, 0.0));
    // Two looks for new invoices: it was seen, and not reported.
    let looks = || stage.erp.count(|asked| asked.get("filter[idfactura_gt]").is_some());
    let seen = looks() + 1;
    while looks() < seen {
        tokio::task::yield_now().await;
    }
    stage.erp.put("LineaFacturaCliente", line(2, 2, "Dos"));
    stage.erp.set("FacturaCliente", "2", json!({"total": 242.0}));
    let events = stage.events().await;
    assert_eq!(types(&events)[0], "invoice.created");
    stage.erp.put("FacturaCliente", invoice(3, 0.0));
    let events = stage.events().await;
    assert_eq!(
        events.last().expect("events")["data"]["object"]["idfactura"],
        3,
        "what stays empty is reported all the same"
    );
}

#[tokio::test]
async fn ids_that_are_committed_late_and_numbers_used_again() {
    let stage = Stage::set(Engine::MariaDb).await;
    stage.erp.put("FacturaCliente", invoice(9, 9.0));
    stage.erp.put("LineaFacturaCliente", line(9, 9, "Nueve"));
    assert_eq!(stage.events().await.len(), 1);
    stage.erp.put("FacturaCliente", invoice(5, 5.0));
    stage.erp.put("LineaFacturaCliente", line(5, 5, "Cinco"));
    assert_eq!(stage.events().await[1]["data"]["object"]["idfactura"], 5);
    // Deleted, and its number given to another one.
    stage.erp.remove("FacturaCliente", "9");
    stage.erp.remove("LineaFacturaCliente", "9");
    stage.erp.put("FacturaCliente", json!({"idfactura": 10, "codigo": "FAC9", "total": 1.0, "fecha": DAY}));
    stage.erp.put("LineaFacturaCliente", line(10, 10, "Diez"));
    let events = stage.events().await;
    let mut reported = types(&events)[2..].to_vec();
    reported.sort_unstable();
    assert_eq!(reported, ["invoice.created", "invoice.deleted"]);
}

#[tokio::test]
async fn columns_of_the_erps_plugins_have_their_kinds() {
    let erp = ErpApi::start(Engine::MariaDb).await;
    erp.add_column("Cliente", "cumple", gancho_facturascripts::columns::Kind::Date);
    let stage = Stage::of(erp).await;
    stage.erp.put("Cliente", json!({"codcliente": "7", "nombre": "Ana", "cumple": "1990-05-04", "fechaalta": DAY}));
    assert_eq!(stage.events().await[0]["data"]["object"]["cumple"], "1990-05-04");
}

#[tokio::test]
async fn no_secret_comes_out_and_the_erp_is_treated_kindly() {
    let stage = Stage::set(Engine::MariaDb).await;
    stage.erp.put("User", json!({"nick": "luis", "enabled": true, "logkey": "S3CRET", "password": "S3CRET"}));
    let events = stage.events().await;
    assert_eq!(types(&events), ["user.created"]);
    assert!(!events[0].to_string().contains("S3CRET"));
    for asked in stage.erp.asked().iter().filter(|asked| asked.is_page()) {
        let limit: u32 = asked.get("limit").and_then(|limit| limit.parse().ok()).expect("a limit");
        assert!((1..=10).contains(&limit), "{asked:?}");
        assert!(asked.get("offset").is_none(), "{asked:?}");
    }
    assert_eq!(stage.erp.incidents(), 0);
}

#[tokio::test]
async fn a_kill_tells_nothing_twice_and_loses_nothing() {
    let mut stage = Stage::set(Engine::MariaDb).await;
    for n in 0..12u32 {
        let key = n + 2;
        stage.erp.put("FacturaCliente", invoice(key, f64::from(key)));
        stage.erp.put("LineaFacturaCliente", line(key, key, "Una"));
        stage.erp.set("Cliente", "1", json!({"nombre": format!("Ana {n}")}));
        tokio::time::sleep(std::time::Duration::from_millis(u64::from(n) * 7)).await;
        stage.server.kill().await;
        stage.server.run().await;
    }
    // What was asked before the last kill says nothing of what is known after it.
    let is_told = |page: &Value| page.to_string().contains("Ana 11") && page.to_string().contains("FAC13");
    stage.server.wait_until("/events?limit=500", is_told).await;
    let events = stage.events().await;
    let mut made: Vec<u64> = events
        .iter()
        .filter(|event| event["event"] == "invoice.created")
        .filter_map(|event| event["data"]["object"]["idfactura"].as_u64())
        .collect();
    made.sort_unstable();
    assert_eq!(made, (2..14).collect::<Vec<u64>>());
    let names = events.iter().filter(|event| event["event"] == "customer.updated");
    let names: Vec<&Value> = names.map(|event| &event["data"]["object"]["nombre"]).collect();
    assert_eq!(names.last(), Some(&&json!("Ana 11")));
    assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "none twice: {names:?}");
}

/// Not all lists can be asked every second: those that had news are asked more often, with one request each.
#[tokio::test]
async fn lists_that_had_news_are_looked_at_first() {
    let erp = ErpApi::start(Engine::MariaDb).await;
    let pace = [("NEW_S", "1"), ("REQUESTS_PER_S", "5")];
    let options = ServerOptions::default().env("GANCHO_LOG_LEVEL", "error");
    let options =
        pace.into_iter().fold(options, |options, (name, value)| options.env(&format!("GANCHO_API_{name}"), value));
    let server = Server::start(BINARY, options).await;
    let source = json!({"kind": "api", "name": "ERP", "url": erp.url(), "key": FULL_KEY});
    server.post("/sources", source, 201).await;
    let looks = |list: &'static str, key: &'static str| {
        erp.count(move |asked| asked.list == list && asked.get(&format!("filter[{key}_gt]")).is_some())
    };
    let invoices = || looks("facturaclientes", "idfactura");
    let orders = || looks("pedidoclientes", "idpedido");
    let until = async |done: &dyn Fn() -> bool| {
        let waiting = async {
            while !done() {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(gancho_testkit::PATIENCE, waiting).await.expect("it goes on asking");
    };
    until(&|| invoices() > 0 && orders() > 0).await;
    erp.put("LineaFacturaCliente", line(2, 2, "Dos"));
    erp.put("FacturaCliente", invoice(2, 242.0));
    server.wait_until("/events", |page| page["data"][0]["event"] == "invoice.created").await;
    let (before, others_before) = (invoices(), orders());
    until(&|| orders() >= others_before + 3).await;
    let (own, others) = (invoices() - before, orders() - others_before);
    assert!(own >= 2 * others, "{own} looks at invoices, {others} at orders");
}
