//! An ERP that lies, breaks or refuses: no false event, no source locked out, and an error that names the cause.

use gancho_testkit::{Asked, Engine, ErpApi, FULL_KEY, Server, Trap};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    erp_api::{Stage, customer, invoice, line, options},
    erp_database::types,
};

/// An ERP with more than a page of everything that can be lied about.
async fn stage() -> Stage {
    let erp = ErpApi::start(Engine::MariaDb).await;
    for n in 1..=25 {
        erp.put("Cliente", customer(&n.to_string(), "Ana"));
        erp.put("FacturaCliente", invoice(n, f64::from(n)));
        erp.put("LineaFacturaCliente", line(n, n, "Una"));
    }
    Stage::of(erp).await
}

/// Returns when the same server has asked another ERP for everything, three times: whoever asks nothing
/// meanwhile keeps still.
async fn others_are_asked(server: &Server) {
    let other = ErpApi::start(Engine::MariaDb).await;
    let source = json!({"kind": "api", "name": "Other", "url": other.url(), "key": FULL_KEY});
    server.post("/sources", source, 201).await;
    other.settled().await;
}

#[tokio::test]
async fn no_lie_deletes_anything() {
    let stage = stage().await;
    type Lie = fn(&Asked) -> Option<Trap>;
    let lies: Vec<(&str, Lie)> = vec![
        ("every list is empty", |asked| asked.is_page().then_some(Trap::Empty)),
        ("a filter is answered with nothing", |asked| {
            let narrowed = asked.query.iter().any(|(name, _)| name.starts_with("filter"));
            (asked.is_page() && narrowed).then_some(Trap::Empty)
        }),
        ("lists are cut", |asked| asked.is_page().then_some(Trap::Cut(3))),
        ("lists do not say how many", |asked| asked.is_page().then_some(Trap::Uncounted)),
        ("lists of lines are empty", |asked| {
            asked.list.starts_with("linea").then_some(Trap::Empty).filter(|_| asked.is_page())
        }),
        ("no record is found by its address", |asked| asked.is_record().then_some(Trap::NoRecord)),
    ];
    for (lie, trap) in lies {
        stage.erp.trap(trap);
        let events = stage.events().await;
        assert_eq!(types(&events), Vec::<&str>::new(), "{lie}");
    }
    // Both at once, but for one record that is really gone.
    stage.erp.trap(|_| None);
    stage.erp.remove("Cliente", "25");
    let events = stage.events().await;
    assert_eq!(types(&events), ["customer.deleted"]);
}

#[tokio::test]
async fn lies_at_the_first_reading_make_no_flood_later() {
    let erp = ErpApi::start(Engine::MariaDb).await;
    for n in 1..=25 {
        erp.put("Cliente", customer(&n.to_string(), "Ana"));
        erp.put("FacturaCliente", invoice(n, f64::from(n)));
        erp.put("LineaFacturaCliente", line(n, n, "Una"));
    }
    // Every question is answered with nothing the first time, or cut.
    let mut asked_before = std::collections::HashSet::new();
    erp.trap(move |asked| {
        let first = asked_before.insert((asked.list.clone(), asked.query.clone()));
        let trap = if asked.list.starts_with("linea") { Trap::Cut(1) } else { Trap::Empty };
        (asked.is_page() && first).then_some(trap)
    });
    let stage = Stage::of(erp).await;
    assert_eq!(types(&stage.events().await), Vec::<&str>::new());
    stage.erp.set("FacturaCliente", "20", json!({"total": 5.0}));
    assert_eq!(types(&stage.events().await), ["invoice.updated"]);
}

#[tokio::test]
async fn much_that_is_missing_is_not_believed_at_once() {
    let erp = ErpApi::start(Engine::MariaDb).await;
    for n in 1..=25 {
        erp.put("Cliente", customer(&n.to_string(), "Ana"));
    }
    let stage = Stage::with(erp, options().env("GANCHO_API_CHANGES_S", 2)).await;
    // A table that is being restored: empty, and no record is there.
    let emptied = |asked: &Asked| match (asked.list.as_str(), asked.is_record()) {
        ("clientes", true) => Some(Trap::NoRecord),
        ("clientes", false) if asked.key.is_none() => Some(Trap::Empty),
        _ => None,
    };
    stage.erp.trap(emptied);
    let before = stage.erp.count(|asked| asked.list == "roles");
    stage.server.wait_until("/sources", |_| stage.erp.count(|asked| asked.list == "roles") > before + 1).await;
    stage.erp.trap(|_| None);
    assert_eq!(types(&stage.events().await), Vec::<&str>::new());
    for n in 1..=25 {
        stage.erp.remove("Cliente", &n.to_string());
    }
    let gone = |page: &Value| page["data"].as_array().map(Vec::len) == Some(25);
    stage.server.wait_until("/events?types=customer.deleted", gone).await;
}

#[tokio::test]
async fn what_breaks_is_said_and_asking_goes_on() {
    let stage = stage().await;
    let breaks: Vec<(Trap, &str)> = vec![
        (Trap::Html(500), "the ERP fails"),
        (Trap::Html(200), "is not FacturaScripts' API"),
        (Trap::Torn, "can't be read"),
        (Trap::Latin, "not in UTF-8"),
        (Trap::Off, "switched off"),
    ];
    for (trap, words) in breaks {
        let now = trap.clone();
        stage.erp.trap(move |asked| asked.is_page().then(|| now.clone()));
        let down = stage.server.wait_until(&stage.source, |source| source["state"] == "down").await;
        let said = down["last_error"].as_str().expect("why");
        assert!(said.contains(words), "{trap:?}: {said}");
        let checked = stage.server.post(&format!("{}/check", stage.source), json!({}), 200).await;
        assert!(!checked["ok"].as_bool().expect("a verdict") && checked.to_string().contains(words), "{checked}");
        stage.erp.trap(|_| None);
        // A check that finds all well wakes it: nobody waits for the next try.
        let checked = stage.server.post(&format!("{}/check", stage.source), json!({}), 200).await;
        assert_eq!(checked["ok"], true, "{checked}");
        stage.server.wait_until(&stage.source, |source| source["state"] != "down").await;
    }
    assert_eq!(types(&stage.events().await), Vec::<&str>::new());
    assert_eq!(stage.erp.incidents(), 0);
}

#[tokio::test]
async fn after_a_refusal_nothing_more_is_asked_until_somebody_saw_to_it() {
    let erp = ErpApi::start(Engine::MariaDb).await;
    erp.allow("HALFKEY", &["users", "roleusers", "estadodocumentos"]);
    let mut server = gancho_testkit::Server::start(crate::BINARY, options()).await;
    let said = json!({"kind": "api", "name": "ERP", "url": erp.url(), "key": "HALFKEY"});
    let source = server.post("/sources", said, 201).await;
    let source = format!("/sources/{}", source["id"].as_str().expect("an id"));
    let down = server.wait_until(&source, |source| source["state"] == "down").await;
    let why = down["last_error"].as_str().expect("why");
    assert!(why.contains("may not read the list") && why.contains("GET"), "{why}");
    let reported = server.wait_until("/events?types=source.down", |page| !page["data"][0].is_null()).await;
    assert_eq!(reported["data"][0]["data"]["object"]["last_error"], why);
    let (asked, refused) = (erp.asked().len(), erp.incidents());
    assert_eq!(refused, 1);
    others_are_asked(&server).await;
    assert_eq!(erp.asked().len(), asked, "it keeps still");
    server.kill().await;
    server.run().await;
    server.wait_until(&source, |source| source["state"] == "down").await;
    assert_eq!(erp.incidents(), refused, "nor does it ask again after a restart");
    let checked = server.post(&format!("{source}/check"), json!({}), 200).await;
    let message = checked["checks"].as_array().and_then(|checks| checks.last()).expect("a line")["message"].to_string();
    assert!(
        message.contains("reciboclientes") && message.contains("lineafacturaclientes"),
        "all that is needed: {message}"
    );
    assert_eq!(erp.incidents(), 2, "a check stops at the first refusal");
    server.patch(&source, json!({"key": FULL_KEY})).await;
    server.wait_until(&source, |source| source["state"] != "down").await;
    assert_eq!(erp.incidents(), 2);
}

#[tokio::test]
async fn who_is_shut_out_waits() {
    let stage = stage().await;
    for _ in 0..5 {
        let url = format!("{}/api/3/clientes", stage.erp.url());
        reqwest::get(url).await.expect("an answer");
    }
    let down = stage.server.wait_until(&stage.source, |source| source["state"] == "down").await;
    assert!(down["last_error"].as_str().expect("why").contains("ten minutes"));
    let asked = stage.erp.asked().len();
    others_are_asked(&stage.server).await;
    assert_eq!(stage.erp.asked().len(), asked, "it keeps still");
    stage.erp.pardon();
    stage.erp.set("Cliente", "3", json!({"nombre": "Eva"}));
    stage.server.post(&format!("{}/check", stage.source), json!({}), 200).await;
    assert_eq!(types(&stage.events().await), ["customer.updated"]);
}

#[tokio::test]
async fn what_can_not_be_asked_is_no_source() {
    let erp = ErpApi::start(Engine::Postgres).await;
    let server = gancho_testkit::Server::start(crate::BINARY, options()).await;
    let add = async |change: Value| {
        let mut said = json!({"kind": "api", "name": "ERP", "url": erp.url(), "key": FULL_KEY});
        said.as_object_mut().expect("an object").extend(change.as_object().cloned().expect("an object"));
        let answer = server.call(Method::POST, "/sources", Some(said)).await;
        (answer.status, answer.body["errors"][0].clone())
    };
    for (change, field, words) in [
        (json!({"url": null}), "url", "is required"),
        (json!({"url": "erp.example"}), "url", "is required"),
        (json!({"url": "http://127.0.0.1:9/"}), "url", "can't be reached"),
        (json!({"url": format!("{}/other/", erp.url())}), "url", "is not FacturaScripts' API"),
        (json!({"key": null}), "key", "is required"),
        (json!({"key": "WRONG"}), "key", "does not accept the key"),
        (json!({"models": ["Nonsense"]}), "models", "no list nonsenses"),
    ] {
        let (status, error) = add(change.clone()).await;
        assert_eq!((status, &error["field"]), (422, &json!(field)), "{change}: {error}");
        assert!(error["message"].as_str().expect("a message").contains(words), "{change}: {error}");
    }
    erp.trap(|_| Some(Trap::Moved("https://erp.example/fs/api/3/?key=S3CRET".into())));
    let (_, error) = add(json!({})).await;
    let message = error["message"].as_str().expect("a message");
    assert!(message.contains("https://erp.example/fs/api/3/") && !message.contains("S3CRET"), "{message}");
    erp.trap(|_| None);
    assert_eq!(server.get("/sources").await["data"], json!([]));
    // The same ERP, however its address is written, is one source.
    let (status, _) = add(json!({})).await;
    let (again, _) = add(json!({"url": format!("{}/api/3", erp.url())})).await;
    assert_eq!((status, again), (201, 200));
}

#[tokio::test]
async fn another_erp_begins_anew_and_a_removed_source_asks_no_more() {
    let stage = stage().await;
    let other = ErpApi::start(Engine::MariaDb).await;
    other.put("Cliente", customer("1", "Luis"));
    stage.server.patch(&stage.source, json!({"url": other.url(), "key": gancho_testkit::FULL_KEY})).await;
    let moved = Stage { server: stage.server, erp: other, source: stage.source };
    assert_eq!(types(&moved.events().await), Vec::<&str>::new(), "what the other ERP holds is no news");
    moved.erp.set("Cliente", "1", json!({"nombre": "Eva"}));
    assert_eq!(types(&moved.events().await), ["customer.updated"]);
    moved.server.call(Method::DELETE, &moved.source, None).await.expect(204);
    let asked = moved.erp.asked().len();
    others_are_asked(&moved.server).await;
    assert_eq!(moved.erp.asked().len(), asked);
}
