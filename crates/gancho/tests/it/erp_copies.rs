//! An ERP's database that was restored or copied, and one from which nobody takes rows.

use gancho_testkit::{Database, Engine, Instance};
use serde_json::{Value, json};

use crate::{
    erp_database::{INVOICE, Stage, types},
    erp_plugin::{Erp, NOTHING, events, server},
};

const PAID: &str = "UPDATE facturascli SET pagada = true WHERE idfactura = 7";
const RENAMED: &str = "UPDATE clientes SET nombre = 'Eva' WHERE codcliente = '1'";

/// A backup that was made while rows waited in the outbox, from which events were made afterwards.
async fn backup_with_rows(stage: &mut Stage) -> String {
    stage.server.kill().await;
    stage.database.run(INVOICE).await;
    stage.database.run(PAID).await;
    assert!(stage.database.number("SELECT COUNT(*) FROM gancho_outbox").await > 3);
    let dump = stage.database.dump();
    stage.server.run().await;
    assert_eq!(types(&stage.events(3).await), ["invoice.created", "invoice.updated", "invoice.paid"]);
    dump
}

async fn copy(stage: &Stage, dump: &str) -> Database {
    let copy = Instance::shared(stage.database.engine).blank().await;
    copy.play(dump);
    copy
}

/// Types of all events but Gancho's own.
async fn of_the_erp(stage: &Stage) -> Vec<String> {
    let page = stage.server.get("/events?limit=500").await;
    let all = types(page["data"].as_array().expect("events")).into_iter().map(ToOwned::to_owned);
    all.filter(|event| !event.starts_with("source.")).collect()
}

async fn waits_for_an_answer(stage: &Stage) {
    let asks = stage.server.wait_until(&stage.source, |source| source["state"] == "asks").await;
    let why = asks["last_error"].as_str().expect("a sentence");
    assert!(why.contains("copy of the ERP") && why.contains(&stage.database.name), "{why}");
}

#[tokio::test]
async fn a_backup_that_is_restored_makes_no_event_twice() {
    for engine in Engine::ALL {
        let mut stage = Stage::set(engine).await;
        let dump = backup_with_rows(&mut stage).await;
        // While it is restored there is a moment with triggers and no outbox, which is counted as a loss.
        stage.server.stop().await;
        stage.database.restore(&dump).await;
        stage.server.run().await;
        stage.drained().await;
        stage.well().await;
        stage.database.run(RENAMED).await;
        let all = ["invoice.created", "invoice.updated", "invoice.paid", "customer.updated"];
        assert_eq!(types(&stage.events(4).await), all, "{engine:?}");
    }
}

#[tokio::test]
async fn an_address_that_leads_to_a_copy_is_asked_about() {
    for engine in Engine::ALL {
        let mut stage = Stage::set(engine).await;
        let dump = backup_with_rows(&mut stage).await;
        let copy = copy(&stage, &dump).await;
        stage.server.patch(&stage.source, json!({"url": copy.url})).await;
        waits_for_an_answer(&stage).await;
        copy.run(RENAMED).await;
        // Not even after a restart.
        stage.server.stop().await;
        stage.server.run().await;
        waits_for_an_answer(&stage).await;
        assert_eq!(of_the_erp(&stage).await, ["invoice.created", "invoice.updated", "invoice.paid"], "{engine:?}");
        stage.server.post(&format!("{}/confirm", stage.source), json!({}), 200).await;
        let renamed = |page: &Value| page["data"].to_string().contains("customer.updated");
        stage.server.wait_until("/events?limit=500", renamed).await;
        copy.drained().await;
        let all = ["invoice.created", "invoice.updated", "invoice.paid", "customer.updated"];
        assert_eq!(of_the_erp(&stage).await, all, "{engine:?}: nothing twice");
        let ok = stage.server.wait_until(&stage.source, |source| source["state"] == "ok").await;
        assert_eq!(ok["last_error"], Value::Null);
    }
}

#[tokio::test]
async fn a_copy_that_becomes_a_connection_begins_with_nothing() {
    for engine in Engine::ALL {
        let mut stage = Stage::set(engine).await;
        let dump = backup_with_rows(&mut stage).await;
        let copy = copy(&stage, &dump).await;
        let new = json!({"kind": "database", "name": "Tests", "url": copy.url});
        let made = stage.server.post("/sources", new, 201).await;
        copy.run(RENAMED).await;
        let events = stage.events(4).await;
        copy.drained().await;
        assert_eq!(
            types(&events),
            ["invoice.created", "invoice.updated", "invoice.paid", "customer.updated"],
            "{engine:?}"
        );
        assert_eq!(events[3]["source"], made["id"]);
    }
}

/// Two that take rows from one outbox would each see a part.
#[tokio::test]
async fn a_database_that_another_gancho_took_over_is_asked_about() {
    for engine in Engine::ALL {
        let stage = Stage::set(engine).await;
        let other = Stage::of(stage.database.clone()).await;
        let asks = stage.server.wait_until(&stage.source, |source| source["state"] == "asks").await;
        assert!(asks["last_error"].as_str().is_some_and(|why| why.contains("another Gancho")), "{asks}");
        stage.database.run(RENAMED).await;
        assert_eq!(types(&other.events(1).await), ["customer.updated"], "{engine:?}");
    }
}

/// As long as nobody took rows for two weeks.
fn forsaken(engine: Engine) -> &'static str {
    match engine {
        Engine::MariaDb => {
            "SET @long_ago = UNIX_TIMESTAMP() - 15 * 86400; \
             SET @now = (SELECT TABLE_COMMENT FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'gancho_site'); \
             EXECUTE IMMEDIATE CONCAT('ALTER TABLE gancho_site COMMENT = ''', @long_ago, SUBSTRING(@now, LOCATE(' ', @now)), '''')"
        }
        Engine::Postgres => "UPDATE gancho_site SET seen = now() - interval '15 days'",
    }
}

/// Rows that nobody takes, and a server that knows how many there are.
fn fill(engine: Engine, rows: u32) -> String {
    match engine {
        Engine::MariaDb => format!(
            "INSERT INTO gancho_outbox (mark, conn, at, source, op, new_row) \
             SELECT '', 0, UTC_TIMESTAMP(6), 'nothing', 'I', REPEAT(' ', 20) FROM seq_1_to_{rows}; ANALYZE TABLE gancho_outbox"
        ),
        Engine::Postgres => format!(
            "INSERT INTO gancho_outbox (source, op, new_row) SELECT 'nothing', 'INSERT', \
             jsonb_build_object('a', repeat('x', 150)) FROM generate_series(1, {rows})"
        ),
    }
}

#[tokio::test]
async fn an_outbox_that_nobody_empties_does_not_grow_for_ever() {
    for engine in Engine::ALL {
        let mut stage = Stage::set(engine).await;
        stage.server.kill().await;
        stage.database.run(INVOICE).await;
        stage.database.run(forsaken(engine)).await;
        stage.database.run("UPDATE clientes SET nombre = 'Ada' WHERE codcliente = '1'").await;
        stage.database.run(&fill(engine, 2_000)).await;
        stage.database.run(PAID).await;
        stage.database.run(RENAMED).await;
        stage.database.run("DELETE FROM gancho_outbox WHERE source = 'nothing'").await;
        stage.server.run().await;
        let all = ["invoice.created", "customer.updated"];
        assert_eq!(types(&stage.events(2).await), all, "{engine:?}: a few rows may be of any age");
        let reported = |source: &Value| {
            source["last_error"].as_str().is_some_and(|why| why.starts_with("2 changes were not kept"))
        };
        stage.server.wait_until(&stage.source, reported).await;
        stage.database.run("UPDATE clientes SET nombre = 'Ivo' WHERE codcliente = '1'").await;
        assert_eq!(types(&stage.events(3).await)[2], "customer.updated", "{engine:?}: and then it goes on");
    }
}

#[tokio::test]
async fn an_outbox_that_is_full_only_counts() {
    for engine in Engine::ALL {
        let mut stage = Stage::set(engine).await;
        stage.server.kill().await;
        stage.database.run(&fill(engine, 700_000)).await;
        let rows = "SELECT COUNT(*) FROM gancho_outbox WHERE op IN ('U', 'UPDATE')";
        stage.database.run(RENAMED).await;
        assert_eq!(stage.database.number(rows).await, 0, "{engine:?}");
        stage.database.run("DELETE FROM gancho_outbox WHERE source = 'nothing'").await;
        if engine == Engine::MariaDb {
            stage.database.run("ANALYZE TABLE gancho_outbox").await;
        }
        stage.database.run("UPDATE clientes SET nombre = 'Ivo' WHERE codcliente = '1'").await;
        assert_eq!(stage.database.number(rows).await, 1, "{engine:?}: there is room again");
        stage.server.run().await;
        assert_eq!(types(&stage.events(1).await), ["customer.updated"]);
        let reported = |source: &Value| {
            source["last_error"].as_str().is_some_and(|why| why.starts_with("1 changes were not kept"))
        };
        stage.server.wait_until(&stage.source, reported).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_with_the_plugin_stops_and_asks() {
    for engine in Engine::ALL {
        let erp = Erp::new(engine).await;
        let server = server().await;
        let source = erp.connect(&server).await;
        let made =
            |name: &str| format!("$db->exec(\"INSERT INTO clientes (codcliente, nombre) VALUES ('{name}', 'Ana')\");");
        erp.request(&made("1"));
        let copy = erp.copied().await;
        copy.request(&made("2"));
        assert_eq!((copy.waiting().await, events(&server).await.len()), (1, 1), "{engine:?}: nothing from the copy");
        let state = "return (new FacturaScripts\\Plugins\\Gancho\\Server\\Settings())->state();";
        let of = copy.request(state).returned["copy"].as_str().expect("it says so").to_owned();
        assert!(of.contains(&erp.database.name), "{of}");
        let shown = server.get(&source).await["last_error"].as_str().expect("and there").to_owned();
        assert!(shown.contains("a copy of this ERP") && shown.contains(&copy.database.name), "{shown}");
        erp.request(&made("3"));
        assert_eq!(events(&server).await.len(), 2, "{engine:?}: the ERP itself goes on");
        answer(&copy, "moved");
        copy.request(NOTHING);
        assert_eq!((copy.waiting().await, events(&server).await.len()), (0, 3), "{engine:?}: it was the right one");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_with_the_plugin_forgets_what_it_came_with() {
    for engine in Engine::ALL {
        let erp = Erp::new(engine).await;
        let server = server().await;
        erp.connect(&server).await;
        let copy = erp.copied().await;
        copy.request("$db->exec(\"INSERT INTO clientes (codcliente, nombre) VALUES ('2', 'Ana')\");");
        answer(&copy, "copy");
        let left = "return (new FacturaScripts\\Plugins\\Gancho\\Server\\Settings())->read($db)->get('token');";
        assert_eq!((copy.waiting().await, copy.request(left).returned), (0, json!("")), "{engine:?}");
        assert_eq!(events(&server).await.len(), 0);
    }
}

/// As a person does on the plugin's page.
fn answer(erp: &Erp, answer: &str) {
    let call = if answer == "moved" { "confirm()" } else { "disown($db)" };
    erp.request(&format!(
        "use FacturaScripts\\Plugins\\Gancho\\{{Outbox\\Engine, Outbox\\Site, Server\\Settings}};
        (new Site(Engine::of($db), (new Settings())->read($db)))->{call};"
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_of_an_erp_with_the_plugin_makes_no_event_twice() {
    for engine in Engine::ALL {
        let erp = Erp::new(engine).await;
        let server = server().await;
        erp.connect(&server).await;
        erp.database.run("INSERT INTO clientes (codcliente, nombre) VALUES ('1', 'Ana')").await;
        let dump = erp.database.dump();
        erp.request(NOTHING);
        assert_eq!((erp.waiting().await, events(&server).await.len()), (0, 1), "{engine:?}");
        erp.database.restore(&dump).await;
        assert_eq!(erp.waiting().await, 1, "{engine:?}: it is there again");
        erp.database.run("INSERT INTO clientes (codcliente, nombre) VALUES ('2', 'Eva')").await;
        erp.request(NOTHING);
        assert_eq!(erp.waiting().await, 0);
        assert_eq!(types(&events(&server).await), ["customer.created"; 2], "{engine:?}");
    }
}

/// What tells one PostgreSQL server from another may be asked by anybody, unless an administrator forbade it.
#[tokio::test]
async fn a_server_that_hides_its_number_is_watched_all_the_same() {
    let database = Instance::shared(Engine::Postgres).database().await;
    database
        .run(
            "REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC; CREATE ROLE narrow LOGIN; \
             GRANT CREATE ON SCHEMA public TO narrow; \
             DO $$ DECLARE name text; BEGIN FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP \
             EXECUTE format('ALTER TABLE %I OWNER TO narrow', name); END LOOP; END $$",
        )
        .await;
    let mut narrow = database.clone();
    narrow.url = database.url_as("narrow", "x");
    let stage = Stage::of(narrow).await;
    stage.database.run("INSERT INTO clientes (codcliente, nombre) VALUES ('1', 'Ana')").await;
    assert_eq!(types(&stage.events(1).await), ["customer.created"]);
}
