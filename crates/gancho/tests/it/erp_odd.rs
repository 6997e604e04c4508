//! Databases of ERPs that are not as one would wish: busy, renamed, restored, with odd columns.

use gancho_testkit::{Engine, Instance, Server, ServerOptions};
use serde_json::{Value, json};

use crate::{
    BINARY,
    erp_database::{Stage, types},
};

#[tokio::test]
async fn a_table_in_use_keeps_no_other_from_being_heard() {
    for engine in Engine::ALL {
        let mut stage = Stage::set(engine).await;
        let drop = match engine {
            Engine::MariaDb => "DROP TRIGGER gancho_i_clientes",
            Engine::Postgres => "DROP TRIGGER gancho_row ON clientes",
        };
        stage.server.kill().await;
        let mut long = stage.database.client().await;
        long.run(drop).await;
        long.run("BEGIN; UPDATE clientes SET nombre = nombre").await;
        stage.server.run().await;
        let check = format!("{}/check", stage.source);
        stage.database.run("ALTER TABLE productos ADD COLUMN plug integer").await;
        // Until the schema has been read again: then events have the new column.
        let mut count = 0;
        loop {
            count += 1;
            let insert = format!("INSERT INTO productos (idproducto, referencia, plug) VALUES ({count}, 'Eva', 5)");
            stage.database.run(&insert).await;
            if stage.events(count).await[count - 1]["data"]["object"]["plug"] == 5 {
                break;
            }
        }
        assert_eq!(stage.server.post(&check, json!({}), 200).await["ok"], false, "{engine:?}: it is in use");
        assert_eq!(stage.server.get(&stage.source).await["state"], "ok", "{engine:?}");
        long.run("COMMIT").await;
        stage.well().await;
        stage.database.run("INSERT INTO clientes (codcliente, nombre) VALUES ('2', 'Luis')").await;
        assert_eq!(types(&stage.events(count + 1).await)[count], "customer.created", "{engine:?}");
    }
}

#[tokio::test]
async fn a_renamed_table_is_left_and_the_new_one_is_heard() {
    for engine in Engine::ALL {
        let stage = Stage::set(engine).await;
        let rename = match engine {
            Engine::MariaDb => {
                "CREATE TABLE two LIKE proveedores; RENAME TABLE proveedores TO proveedores_old, two TO proveedores"
            }
            Engine::Postgres => {
                "ALTER TABLE proveedores RENAME TO proveedores_old; CREATE TABLE proveedores (LIKE proveedores_old INCLUDING ALL)"
            }
        };
        stage.database.run(rename).await;
        stage.well().await;
        stage.database.run("INSERT INTO proveedores_old (codproveedor, nombre) VALUES ('1', 'Old')").await;
        stage.database.run("INSERT INTO proveedores (codproveedor, nombre) VALUES ('2', 'New')").await;
        let events = stage.events(1).await;
        assert_eq!(types(&events), ["supplier.created"], "{engine:?}");
        assert_eq!(events[0]["data"]["object"]["nombre"], "New");
    }
}

/// MariaDB's triggers run as who made them, and fail when that account is gone.
#[tokio::test]
async fn triggers_follow_the_account_of_their_source() {
    let database = Instance::shared(Engine::MariaDb).database().await;
    let name = database.name.clone();
    let account = format!("CREATE USER {name}@'%' IDENTIFIED BY 'pw'; GRANT ALL ON {name}.* TO {name}@'%'");
    database.run(&account).await;
    let mut as_account = database.clone();
    as_account.url = database.url_as(&name, "pw");
    let mut stage = Stage::of(as_account).await;
    stage.database = database.clone();
    stage.server.patch(&stage.source, json!({"url": database.url})).await;
    stage.well().await;
    database.run(&format!("DROP USER {name}@'%'")).await;
    database.run("INSERT INTO clientes (codcliente, nombre) VALUES ('1', 'Ana')").await;
    assert_eq!(types(&stage.events(1).await), ["customer.created"]);
}

#[tokio::test]
async fn odd_columns_of_mariadb_are_read() {
    let stage = Stage::set(Engine::MariaDb).await;
    let columns = "ALTER TABLE proveedores ADD COLUMN bytes varbinary(10), ADD COLUMN bits bit(8), ADD COLUMN y year, \
        ADD COLUMN zeros int(8) zerofill";
    stage.database.run(columns).await;
    stage.well().await;
    let insert = "INSERT INTO proveedores (codproveedor, nombre, bytes, bits, y, zeros) VALUES ('1', 'Ñandú €', x'00ff5c22', b'101', 0, 5)";
    stage.database.run(insert).await;
    stage.database.run("UPDATE proveedores SET bytes = NULL, bits = b'110' WHERE codproveedor = '1'").await;
    let events = stage.events(2).await;
    assert_eq!(types(&events), ["supplier.created", "supplier.updated"]);
    let object = &events[0]["data"]["object"];
    assert_eq!((&object["nombre"], &object["bytes"]), (&json!("Ñandú €"), &json!("\\x00ff5c22")));
    assert_eq!(object["bits"].to_string().trim_matches('"'), "5");
    assert_eq!(events[1]["data"]["previous"]["bytes"], "\\x00ff5c22");
}

/// A row that is too large for MariaDB's JSON is counted as lost, and the next ones are heard.
#[tokio::test]
async fn a_row_that_is_too_large_spoils_no_other() {
    let stage = Stage::set(Engine::MariaDb).await;
    let columns = "ALTER TABLE proveedores MODIFY observaciones longtext";
    stage.database.run(columns).await;
    stage.well().await;
    let large = "INSERT INTO proveedores (codproveedor, observaciones) VALUES ('1', REPEAT('\\n', 9000000))";
    stage.database.run(large).await;
    stage.database.run("INSERT INTO proveedores (codproveedor, observaciones) VALUES ('2', 'small')").await;
    let events = stage.events(1).await;
    assert_eq!(types(&events), ["supplier.created"]);
    assert_eq!(events[0]["data"]["object"]["codproveedor"], "2");
    let reported = stage.server.wait_until(&stage.source, |source| !source["last_error"].is_null()).await;
    assert!(reported["last_error"].as_str().is_some_and(|error| error.contains("could not be written")), "{reported}");
}

#[tokio::test]
async fn tables_with_long_names_are_heard_apart() {
    for engine in Engine::ALL {
        let database = Instance::shared(engine).database().await;
        let names =
            ["one", "two"].map(|end| format!("a_table_of_a_plugin_whose_name_is_as_long_as_can_be_borne_{end}"));
        for name in &names {
            database.run(&format!("CREATE TABLE {name} (code varchar(10) PRIMARY KEY, note varchar(10))")).await;
        }
        let options = ServerOptions::default().env("GANCHO_LOG_LEVEL", "error");
        let server = Server::start(BINARY, options).await;
        let models = json!(["Cliente", names[0], names[1]]);
        let source = json!({"kind": "database", "name": "ERP", "url": database.url, "models": models});
        let source = server.post("/sources", source, 201).await;
        for name in &names {
            database.run(&format!("INSERT INTO {name} (code, note) VALUES ('1', 'Eva')")).await;
        }
        database.drained().await;
        let page = server.wait_until("/events", |page| page["data"].as_array().map(Vec::len) == Some(2)).await;
        let reported: Vec<&Value> =
            page["data"].as_array().expect("a list").iter().map(|event| &event["data"]["model"]).collect();
        assert_eq!(reported, [&json!(names[0]), &json!(names[1])], "{engine:?}");
        let path = format!("/sources/{}", source["id"].as_str().expect("an id"));
        assert_eq!(server.post(&format!("{path}/check"), json!({}), 200).await["ok"], true, "{engine:?}");
    }
}

/// PostgreSQL keeps what a guarded block allocates until the transaction ends.
#[tokio::test]
async fn a_large_transaction_costs_the_erps_database_no_memory() {
    let stage = Stage::set(Engine::Postgres).await;
    let mut client = stage.database.client().await;
    let rows =
        "INSERT INTO proveedores (codproveedor, nombre) SELECT n::text, 'Eva' FROM generate_series(1, 3000) AS n";
    client.run(&format!("BEGIN; {rows}")).await;
    let bytes = "SELECT coalesce(sum(total_bytes), 0)::bigint FROM pg_backend_memory_contexts WHERE name = 'CurTransactionContext'";
    let bytes = client.number(bytes).await;
    assert!(bytes < 1_000_000, "{bytes} bytes for 3,000 rows");
    client.run("ROLLBACK").await;
}

#[tokio::test]
async fn an_outbox_of_another_version_is_not_written_into() {
    for engine in Engine::ALL {
        let database = Instance::shared(engine).database().await;
        database.run("CREATE TABLE gancho_outbox (id bigint PRIMARY KEY, old_row text, new_row text)").await;
        let server = Server::start(BINARY, ServerOptions::default().env("GANCHO_LOG_LEVEL", "error")).await;
        let source = json!({"kind": "database", "name": "ERP", "url": database.url});
        let refused = server.post("/sources", source, 422).await;
        assert!(refused.to_string().contains("another version"), "{engine:?}: {refused}");
        let triggers = match engine {
            Engine::MariaDb => {
                "SELECT COUNT(*) FROM information_schema.TRIGGERS WHERE EVENT_OBJECT_SCHEMA = DATABASE()"
            }
            Engine::Postgres => "SELECT COUNT(*) FROM pg_trigger WHERE NOT tgisinternal",
        };
        assert_eq!(database.number(triggers).await, 0, "{engine:?}");
    }
}

#[tokio::test]
async fn a_source_that_can_not_be_added_leaves_nothing() {
    let database = Instance::shared(Engine::MariaDb).database().await;
    let name = &database.name;
    let account = format!(
        "CREATE USER {name}@'%' IDENTIFIED BY 'pw'; \
         GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, DROP ON {name}.* TO {name}@'%'"
    );
    database.run(&account).await;
    let server = Server::start(BINARY, ServerOptions::default().env("GANCHO_LOG_LEVEL", "error")).await;
    let source = json!({"kind": "database", "name": "ERP", "url": database.url_as(name, "pw")});
    let refused = server.post("/sources", source, 422).await;
    assert!(refused.to_string().contains("TRIGGER"), "{refused}");
    let left =
        "SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME LIKE 'gancho%'";
    assert_eq!(database.number(left).await, 0);
}

/// A dump that is restored without rights lets everybody call our functions.
#[tokio::test]
async fn functions_that_everybody_may_call_are_taken_back() {
    let stage = Stage::set(Engine::Postgres).await;
    let everybody = "SELECT count(*) FROM pg_proc WHERE proname LIKE 'gancho\\_%' AND has_function_privilege('public', oid, 'EXECUTE')";
    assert_eq!(stage.database.number(everybody).await, 0);
    stage.database.run("GRANT EXECUTE ON FUNCTION gancho_capture_clientes() TO PUBLIC").await;
    stage.database.client().await.wait_until(everybody, |functions| functions == 0).await;
}
