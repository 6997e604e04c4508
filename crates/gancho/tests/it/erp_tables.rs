//! Tables of ERPs that administrators have changed: partitioned, versioned, without a usable key.

use gancho_testkit::{Engine, Instance, Server, ServerOptions};
use serde_json::{Value, json};

use crate::{
    BINARY,
    erp_database::{Stage, types},
    erp_plugin::{Erp, NOTHING, events, server},
};

/// The customers' table made anew, partitioned by city, with one partition.
const PARTITIONED: &str = "ALTER TABLE clientes RENAME TO clientes_old; \
    CREATE TABLE clientes (LIKE clientes_old, PRIMARY KEY (codcliente, ciudad)) PARTITION BY LIST (ciudad); \
    CREATE TABLE clientes_a PARTITION OF clientes FOR VALUES IN ('a'); DROP TABLE clientes_old CASCADE";
/// What is written: a new partition, rows in both, one that moves.
const ACTS: [&str; 4] = [
    "CREATE TABLE clientes_b PARTITION OF clientes FOR VALUES IN ('b')",
    "INSERT INTO clientes (codcliente, nombre, ciudad) VALUES ('8', 'Eva', 'a')",
    "INSERT INTO clientes (codcliente, nombre, ciudad) VALUES ('9', 'Luis', 'b')",
    "UPDATE clientes SET nombre = 'Luisa' WHERE codcliente = '9'",
];
/// What the ERP's cron does in each hour.
const MEND: &str = "use FacturaScripts\\Plugins\\Gancho\\{Outbox\\Install, Server\\Settings}; \
    (new Install($db, (new Settings())->read($db)))->mend(); return null;";
const TOLD: [&str; 3] = ["customer.created", "customer.created", "customer.updated"];

#[tokio::test]
async fn a_partitioned_table_is_heard_under_its_own_name() {
    let database = Instance::shared(Engine::Postgres).database().await;
    database.run("ALTER TABLE clientes ADD COLUMN IF NOT EXISTS ciudad varchar(10)").await;
    database.run(PARTITIONED).await;
    let stage = Stage::of(database).await;
    stage.well().await;
    for act in ACTS {
        stage.database.run(act).await;
        stage.drained().await;
    }
    let events = stage.events(3).await;
    assert_eq!(types(&events), TOLD);
    assert!(events.iter().all(|event| event["data"]["model"].is_null()), "a customer, whatever the partition");
    // A minute on, the partitions' own copies of the trigger are taken for nothing strange.
    stage.database.run("ALTER TABLE productos ADD COLUMN plug integer").await;
    stage.well().await;
    stage.database.run("UPDATE clientes SET ciudad = 'a' WHERE codcliente = '9'").await;
    let last = stage.events(4).await[3].clone();
    assert_eq!((&last["event"], &last["data"]["object"]["ciudad"]), (&json!("customer.updated"), &json!("a")));
    assert_eq!(last["data"]["previous"], json!({"ciudad": "b"}), "it moved into another partition");
    assert_eq!(stage.server.get(&stage.source).await["state"], "ok");
}

#[tokio::test]
async fn the_plugin_hears_a_partitioned_table_too() {
    let erp = Erp::new(Engine::Postgres).await;
    erp.database.run("ALTER TABLE clientes ADD COLUMN IF NOT EXISTS ciudad varchar(10)").await;
    erp.database.run(PARTITIONED).await;
    let server = server().await;
    erp.connect(&server).await;
    erp.request(MEND);
    for act in ACTS {
        erp.database.run(act).await;
        erp.request(NOTHING);
    }
    assert_eq!(types(&events(&server).await), TOLD);
}

#[tokio::test]
async fn a_versioned_table_is_heard() {
    let database = Instance::shared(Engine::MariaDb).database().await;
    let versioned = "ALTER TABLE clientes ADD SYSTEM VERSIONING; \
        ALTER TABLE proveedores ADD COLUMN b timestamp(6) GENERATED ALWAYS AS ROW START, \
        ADD COLUMN e timestamp(6) GENERATED ALWAYS AS ROW END, ADD PERIOD FOR SYSTEM_TIME(b, e), ADD SYSTEM VERSIONING; \
        INSERT INTO clientes (codcliente, nombre) VALUES ('1', 'Ana')";
    database.run(versioned).await;
    let stage = Stage::of(database).await;
    stage.database.run("UPDATE clientes SET nombre = 'Eva' WHERE codcliente = '1'").await;
    stage.database.run("INSERT INTO proveedores (codproveedor, nombre) VALUES ('1', 'Old')").await;
    stage.events(2).await;
    stage.database.run("UPDATE proveedores SET nombre = 'New'").await;
    let events = stage.events(3).await;
    assert_eq!(types(&events), ["customer.updated", "supplier.created", "supplier.updated"]);
    assert_eq!(events[2]["data"]["previous"], json!({"nombre": "Old"}), "its history is no news");
    // A table that becomes versioned while it is watched is still captured.
    stage.database.run("ALTER TABLE productos ADD SYSTEM VERSIONING").await;
    stage.well().await;
    let captured = async {
        for key in 1.. {
            let insert = format!("INSERT INTO productos (idproducto, referencia) VALUES ({key}, 'P{key}')");
            stage.database.run(&insert).await;
            stage.drained().await;
            let page = stage.server.get("/events?types=product.*&limit=500").await;
            if page["data"].as_array().is_some_and(|all| !all.is_empty()) {
                return;
            }
        }
    };
    tokio::time::timeout(gancho_testkit::PATIENCE, captured).await.expect("it is captured");
    assert!(stage.server.get(&stage.source).await["last_error"].is_null());
}

#[tokio::test]
async fn a_table_that_can_t_be_heard_is_told() {
    for engine in Engine::ALL {
        let database = Instance::shared(engine).database().await;
        database.run("CREATE TABLE pairs (a integer, b integer, PRIMARY KEY (a, b))").await;
        database.run("CREATE TABLE keyless (a integer); CREATE VIEW seen AS SELECT a FROM keyless").await;
        let options = ServerOptions::default().env("GANCHO_SOURCE_MEND_S", 1).env("GANCHO_LOG_LEVEL", "error");
        let server = Server::start(BINARY, options).await;
        let models = json!(["Cliente", "pairs", "keyless", "seen"]);
        let source = json!({"kind": "database", "name": "ERP", "url": database.url, "models": models});
        let source = server.post("/sources", source, 201).await;
        let path = format!("/sources/{}", source["id"].as_str().expect("an id"));
        let check = server.post(&format!("{path}/check"), json!({}), 200).await;
        let returned =
            |name: &str| check["checks"].as_array().and_then(|all| all.iter().find(|one| one["name"] == name).cloned());
        for (name, why) in [("pairs", "no single column"), ("keyless", "no single column"), ("seen", "a view")] {
            let finding = returned(name).unwrap_or_else(|| panic!("{engine:?}: {name} in {check}"));
            assert_eq!(finding["ok"], false);
            assert!(finding.to_string().contains(why), "{engine:?}: {finding}");
        }
        let reported = server.wait_until(&path, |source| source["last_error"].is_string()).await;
        assert!(
            reported["last_error"].as_str().is_some_and(|error| error.contains("pairs, keyless, seen")),
            "{reported}"
        );
        assert_eq!(reported["state"], "waiting", "not down: every other table is captured");
        // With a key it is captured, and the error is gone.
        database.run("ALTER TABLE keyless ADD PRIMARY KEY (a)").await;
        let shorter = |source: &Value| source["last_error"].as_str().is_some_and(|error| !error.contains("keyless"));
        server.wait_until(&path, shorter).await;
    }
}

#[tokio::test]
async fn the_plugin_tells_of_a_table_that_it_can_t_hear() {
    for engine in Engine::ALL {
        let erp = Erp::new(engine).await;
        let drop = match engine {
            Engine::MariaDb => "ALTER TABLE contactos MODIFY idcontacto integer NOT NULL, DROP PRIMARY KEY",
            Engine::Postgres => "ALTER TABLE contactos DROP CONSTRAINT contactos_pkey CASCADE",
        };
        erp.database.run(drop).await;
        let server = server().await;
        let path = erp.connect(&server).await;
        erp.request(MEND);
        erp.database.run("INSERT INTO clientes (codcliente, nombre) VALUES ('1', 'Ana')").await;
        erp.request(NOTHING);
        let reported = server.wait_until(&path, |source| source["last_error"].is_string()).await;
        assert!(
            reported["last_error"].as_str().is_some_and(|error| error.contains("contactos")),
            "{engine:?}: {reported}"
        );
    }
}

/// Long before all tables are looked at once more.
#[tokio::test]
async fn a_column_that_comes_is_heard_soon_and_in_its_kind() {
    for engine in Engine::ALL {
        let database = Instance::shared(engine).database().await;
        let options = ServerOptions::default().env("GANCHO_SOURCE_MEND_S", 3600).env("GANCHO_LOG_LEVEL", "error");
        let server = Server::start(BINARY, options).await;
        server.post("/sources", json!({"kind": "database", "name": "ERP", "url": database.url}), 201).await;
        database.run("ALTER TABLE clientes ADD COLUMN plug timestamp NULL").await;
        // PostgreSQL's triggers see it at once, those of MariaDB when they were made anew.
        let mut key = 0;
        let reported = loop {
            key += 1;
            let insert = format!("INSERT INTO clientes (codcliente, plug) VALUES ('{key}', '2026-07-24 10:00:00')");
            database.run(&insert).await;
            let page =
                server.wait_until("/events?limit=500", |page| page["data"].as_array().map(Vec::len) == Some(key)).await;
            let object = page["data"][key - 1]["data"]["object"].clone();
            if engine == Engine::Postgres || !object["plug"].is_null() {
                break object["plug"].clone();
            }
        };
        assert_eq!(reported, "2026-07-24T10:00:00+02:00", "{engine:?}");
    }
}

/// MariaDB leaves out of its catalogue what is being altered at that moment, for an instant even its name.
#[tokio::test]
async fn a_table_that_the_catalogue_hides_stays_heard() {
    let database = Instance::shared(Engine::MariaDb).database().await;
    let options = ServerOptions::default().env("GANCHO_SOURCE_MEND_S", 3600).env("GANCHO_LOG_LEVEL", "error");
    // When its triggers have just been made.
    let hides = "hidden-table=1*off->1*return(proveedores)->off";
    let server = Server::start(BINARY, options.env("FAILPOINTS", hides)).await;
    let source = json!({"kind": "database", "name": "ERP", "url": database.url, "models": ["Proveedor"]});
    let source = server.post("/sources", source, 201).await;
    let path = format!("/sources/{}", source["id"].as_str().expect("an id"));
    let misses = |source: &Value| source["last_error"].as_str().is_some_and(|error| error.contains("Proveedor"));
    server.wait_until(&path, misses).await;
    database.run("INSERT INTO proveedores (codproveedor, nombre) VALUES ('1', 'Eva')").await;
    let some = |page: &Value| page["data"].as_array().is_some_and(|all| !all.is_empty());
    let page = server.wait_until("/events", some).await;
    assert_eq!(page["data"][0]["event"], "supplier.created");
}

#[tokio::test]
async fn a_table_that_is_altered_again_and_again_stays_heard() {
    let stage = Stage::set(Engine::MariaDb).await;
    let altered = stage.database.clone();
    let altering = tokio::spawn(async move {
        let mut client = altered.client().await;
        for _ in 0..40 {
            client.run("ALTER TABLE proveedores ENGINE=MyISAM; ALTER TABLE proveedores ENGINE=InnoDB").await;
        }
    });
    // Tables are checked every second, and whenever columns appear to have changed.
    let triggers = "SELECT COUNT(*) FROM information_schema.TRIGGERS WHERE EVENT_OBJECT_SCHEMA = DATABASE() \
        AND EVENT_OBJECT_TABLE = 'proveedores'";
    altering.await.expect("altered");
    stage.well().await;
    assert_eq!(stage.database.number(triggers).await, 3);
    stage.database.run("INSERT INTO proveedores (codproveedor, nombre) VALUES ('1', 'Eva')").await;
    assert_eq!(types(&stage.events(1).await), ["supplier.created"]);
    // Nothing is left, though its catalogue shows now this, now that.
    let removed = stage.database.clone();
    let altering = tokio::spawn(async move {
        let mut client = removed.client().await;
        for _ in 0..40 {
            client.run("ALTER TABLE proveedores ENGINE=MyISAM; ALTER TABLE proveedores ENGINE=InnoDB").await;
        }
    });
    stage.server.call(reqwest::Method::DELETE, &stage.source, None).await;
    altering.await.expect("altered");
    let left = "SELECT COUNT(*) FROM information_schema.TRIGGERS WHERE EVENT_OBJECT_SCHEMA = DATABASE()";
    assert_eq!(stage.database.number(left).await, 0);
}
