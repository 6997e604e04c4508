//! Columns of every type and charset that MariaDB has, under names of every kind: the row is never lost.

use gancho_testkit::Engine;
use serde_json::{Value, json};

use crate::{
    erp_database::{Stage, types},
    erp_plugin::{Erp, NOTHING, events, server},
};

/// Columns of the suppliers' table: each with its type, what is written into it, and what is reported.
const COLUMNS: &[(&str, &str, &str, &str)] = &[
    ("place", "point", "ST_GeomFromText('POINT(1 2)')", r#""POINT(1 2)""#),
    ("way", "geometry", "ST_GeomFromText('LINESTRING(0 0,1 1)')", r#""LINESTRING(0 0,1 1)""#),
    ("two", "varchar(10) CHARACTER SET ucs2", "'año'", r#""año""#),
    ("sixteen", "text CHARACTER SET utf16", "'ñandú 😀'", r#""ñandú 😀""#),
    ("little", "char(9) CHARACTER SET utf16le", "'été'", r#""été""#),
    ("thirtytwo", "enum('blob','año') CHARACTER SET utf32", "'año'", r#""año""#),
    ("west", "varchar(10) CHARACTER SET latin1", "'señor €'", r#""señor €""#),
    ("middle", "varchar(10) CHARACTER SET latin2", "'žluť'", r#""žluť""#),
    ("east", "char(9) CHARACTER SET cp1251", "'привет'", r#""привет""#),
    ("binary_text", "varchar(10) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin", "'x'", r#""x""#),
    ("chosen", "enum('blob','zerofill')", "'blob'", r#""blob""#),
    ("several", "set('bit','year')", "'bit,year'", r#""bit,year""#),
    ("address", "inet6", "'2001:db8::1'", r#""2001:db8::1""#),
    ("document", "json", "'{\"a\": [1, \"ñ\"]}'", r#"{"a": [1, "ñ"]}"#),
    ("bytes", "blob", "X'00ff'", r#""\\x00ff""#),
    ("moment", "datetime(6)", "'2026-11-24 18:30:00.123456'", "null"),
    ("a'b", "varchar(9)", "'quote'", r#""quote""#),
    ("a\"b", "varchar(9)", "'quotes'", r#""quotes""#),
    ("a\\b", "varchar(9)", "'slash'", r#""slash""#),
    ("a\tb", "varchar(9)", "'tab'", r#""tab""#),
    ("a``b", "varchar(9)", "'tick'", r#""tick""#),
    ("año, ya", "varchar(9)", "'words'", r#""words""#),
];

fn alter() -> String {
    let columns: Vec<String> = COLUMNS.iter().map(|(name, kind, ..)| format!("ADD COLUMN `{name}` {kind}")).collect();
    format!("ALTER TABLE proveedores {}", columns.join(", "))
}

fn insert(key: &str) -> String {
    let names: Vec<String> = COLUMNS.iter().map(|(name, ..)| format!("`{name}`")).collect();
    let values: Vec<&str> = COLUMNS.iter().map(|(_, _, value, _)| *value).collect();
    format!(
        "INSERT INTO proveedores (codproveedor, nombre, {}) VALUES ('{key}', 'Eva', {})",
        names.join(", "),
        values.join(", ")
    )
}

fn check(object: &Value) {
    for (name, kind, _, reported) in COLUMNS.iter().filter(|(.., reported)| *reported != "null") {
        let reported: Value = serde_json::from_str(reported).expect("JSON");
        assert_eq!(object[name.replace("``", "`")], reported, "{name} {kind}: {object}");
    }
}

#[tokio::test]
async fn every_type_and_charset_of_mariadb_is_told() {
    let stage = Stage::set(Engine::MariaDb).await;
    stage.database.run(&alter()).await;
    stage.well().await;
    let made = "SELECT CAST(UNIX_TIMESTAMP(MAX(CREATED)) * 100 AS SIGNED) FROM information_schema.TRIGGERS \
        WHERE EVENT_OBJECT_SCHEMA = DATABASE() AND EVENT_OBJECT_TABLE = 'proveedores'";
    let made_at = stage.database.number(made).await;
    stage.database.run(&insert("7")).await;
    check(&stage.events(1).await[0]["data"]["object"]);
    stage.database.run("UPDATE proveedores SET west = 'señora'").await;
    stage.database.run("DELETE FROM proveedores").await;
    let events = stage.events(3).await;
    assert_eq!(types(&events), ["supplier.created", "supplier.updated", "supplier.deleted"]);
    assert_eq!(events[1]["data"]["previous"], json!({"west": "señor €"}));
    check(&events[0]["data"]["object"]);
    // Another table's triggers lack a column, so all tables are checked again: this one's triggers must stay.
    stage.database.run("ALTER TABLE productos ADD COLUMN plug integer").await;
    stage.well().await;
    assert_eq!(stage.database.number(made).await, made_at, "made anew without need");
    assert_eq!(stage.server.get(&stage.source).await["last_error"], Value::Null);
}

#[tokio::test]
async fn the_plugin_tells_every_type_too() {
    let erp = Erp::new(Engine::MariaDb).await;
    let server = server().await;
    erp.connect(&server).await;
    erp.database.run(&alter()).await;
    let mend = "use FacturaScripts\\Plugins\\Gancho\\{Outbox\\Engine, Outbox\\Install, Server\\Settings};
        $install = new Install($db, (new Settings())->read($db)); $install->mend(); $engine = Engine::of($db);
        $odd = fn($parts) => array_keys(array_filter($parts, fn($part, $name) => !Install::isAsIs($engine->installed()[$name] ?? '', $part['mark']), ARRAY_FILTER_USE_BOTH));
        return $odd($engine->parts($install->plan()));";
    assert_eq!(erp.request(mend).returned, json!([]), "all is as it should be, and stays");
    erp.database.run(&insert("7")).await;
    erp.request(NOTHING);
    let events = events(&server).await;
    assert_eq!(types(&events), ["supplier.created"]);
    check(&events[0]["data"]["object"]);
}

/// A column that is computed from the number which the database gives is not known when a trigger runs.
#[tokio::test]
async fn computed_columns_are_told_right_or_left_out_by_name() {
    let stage = Stage::set(Engine::MariaDb).await;
    let columns = "ALTER TABLE productos MODIFY idproducto integer AUTO_INCREMENT, \
        ADD COLUMN doble integer AS (idproducto * 2) VIRTUAL, ADD COLUMN corto varchar(9) AS (CONCAT('p', referencia)) STORED, \
        ADD COLUMN largo varchar(9) AS (CONCAT(referencia, 'p')) VIRTUAL";
    stage.database.run(columns).await;
    stage.well().await;
    stage.database.run("INSERT INTO productos (referencia) VALUES ('R1')").await;
    let object = stage.events(1).await[0]["data"]["object"].clone();
    assert_eq!((&object["doble"], &object["corto"], &object["largo"]), (&Value::Null, &json!("pR1"), &json!("R1p")));
    let check = stage.server.post(&format!("{}/check", stage.source), json!({}), 200).await;
    assert!(check.to_string().contains("productos.doble"), "{check}");
}

/// Triggers keep the mode in which they were made.
#[tokio::test]
async fn a_server_in_oracle_s_mode_is_heard() {
    let instance = gancho_testkit::Instance::start(Engine::MariaDb);
    let database = instance.database().await;
    database.run("SET GLOBAL sql_mode = 'ORACLE'").await;
    let stage = Stage::of(database.clone()).await;
    stage.well().await;
    database
        .run("SET SESSION sql_mode = 'ORACLE'; INSERT INTO clientes (codcliente, nombre) VALUES ('1', 'a\\\\b')")
        .await;
    assert_eq!(types(&stage.events(1).await), ["customer.created"]);
}

#[tokio::test]
async fn numbers_that_are_none_spoil_no_row() {
    let stage = Stage::set(Engine::Postgres).await;
    stage.database.run("ALTER TABLE clientes ADD COLUMN a double precision, ADD COLUMN b numeric, ADD COLUMN c real, ADD COLUMN d date, ADD COLUMN e timestamp").await;
    stage.well().await;
    let insert = "INSERT INTO clientes (codcliente, nombre, a, b, c, d, e) VALUES ('8', 'Eva', 'NaN', 'NaN', '-Infinity', 'infinity', '-infinity')";
    stage.database.run(insert).await;
    stage.database.run("UPDATE clientes SET a = 1.5, c = 'Infinity' WHERE codcliente = '8'").await;
    let events = stage.events(2).await;
    assert_eq!(types(&events), ["customer.created", "customer.updated"]);
    let object = &events[0]["data"]["object"];
    for (column, reported) in [
        ("a", json!(null)),
        ("b", json!(null)),
        ("c", json!(null)),
        ("d", json!("infinity")),
        ("e", json!("-infinity")),
    ] {
        assert_eq!(object[column], reported, "{column}");
    }
    assert_eq!(events[1]["data"]["object"]["a"], 1.5);
}

/// Rows of tables without transactions stay when the rest is undone; they are heard when it is not.
#[tokio::test]
async fn a_table_without_transactions_is_heard() {
    for engine in ["MyISAM", "Aria"] {
        let database = gancho_testkit::Instance::shared(Engine::MariaDb).database().await;
        database.run(&format!("ALTER TABLE proveedores ENGINE={engine}")).await;
        let stage = Stage::of(database).await;
        stage.database.run("INSERT INTO proveedores (codproveedor, nombre) VALUES ('1', 'Eva')").await;
        assert_eq!(types(&stage.events(1).await), ["supplier.created"], "{engine}");
    }
}
