//! The SQL and the configuration in the documents, given to real databases and to Prometheus' own tool.

use std::process::Command;

use gancho_testkit::{Engine, Instance};
use serde_json::json;

use crate::{
    documents,
    erp_database::Stage,
    erp_plugin::{self, Erp},
    server,
};

/// The samples of a language in one document, which must be so many.
fn samples(file: &str, language: &str, count: usize) -> Vec<String> {
    let found: Vec<String> =
        documents::codes_of(file).into_iter().filter(|code| code.language == language).map(|code| code.text).collect();
    assert_eq!(found.len(), count, "{file}");
    found
}

#[tokio::test]
async fn the_account_of_the_documents_has_the_rights_that_are_needed() {
    for file in ["docs/en/connect.md", "docs/es/conectar.md"] {
        for (engine, place) in [(Engine::MariaDb, 0), (Engine::Postgres, 1)] {
            let database = Instance::shared(engine).database().await;
            let user = format!("reader_{}", database.name);
            let made = samples(file, "sql", 3)[place]
                .replace("facturascripts", &database.name)
                .replace("gancho", &user)
                .replace('…', "right");
            database.play(&made);
            let server = server().await;
            let source = json!({"kind": "database", "name": "ERP", "url": database.url_as(&user, "right")});
            let source = server.post("/sources", source, 201).await;
            let path = format!("/sources/{}/check", source["id"].as_str().expect("an id"));
            let found = server.post(&path, json!({}), 200).await;
            assert_eq!(found["ok"], true, "{file}, {engine:?}: {found}");
        }
    }
}

#[tokio::test]
async fn what_a_deleted_plugin_left_goes_with_the_statements_of_the_documents() {
    for file in ["docs/en/connect.md", "docs/es/conectar.md"] {
        let erp = Erp::new(Engine::MariaDb).await;
        let server = erp_plugin::server().await;
        erp.connect(&server).await;
        let left = "SELECT COUNT(*) FROM information_schema.TRIGGERS WHERE EVENT_OBJECT_SCHEMA = DATABASE()";
        assert!(erp.database.number(left).await > 0, "{file}");
        let printed = erp.database.answer(&samples(file, "sql", 3)[2]);
        // Below the column's name.
        let statements: Vec<&str> = printed.lines().skip(1).collect();
        erp.database.play(&statements.join("\n"));
        assert_eq!(erp.database.number(left).await, 0, "{file}");
    }
}

#[tokio::test]
async fn whoever_says_who_writes_is_named_in_the_event() {
    for (file, engine) in [("docs/en/rules.md", Engine::MariaDb), ("docs/es/reglas.md", Engine::Postgres)] {
        let stage = Stage::set(engine).await;
        let sample = samples(file, "sql", 1).remove(0);
        let statement = sample.lines().nth(usize::from(engine == Engine::Postgres)).expect("one for each");
        let statement = statement.split("--").next().expect("the statement");
        let change = "UPDATE clientes SET nombre = 'Eva' WHERE codcliente = '1'";
        stage.database.run(&format!("{statement} {change}")).await;
        let event = stage.events(1).await.pop().expect("an event");
        assert_eq!(event["origin"], json!({"kind": "sql", "id": "import"}), "{file}: {event}");
    }
}

#[test]
fn prometheus_takes_the_configuration_of_the_documents() {
    for file in ["docs/en/operate.md", "docs/es/operar.md"] {
        let dir = tempfile::tempdir().expect("a folder");
        std::fs::write(dir.path().join("prometheus.yml"), &samples(file, "yaml", 1)[0]).expect("written");
        let alerts = concat!(env!("CARGO_MANIFEST_DIR"), "/../../packaging/gancho-alerts.yml");
        std::fs::copy(alerts, dir.path().join("gancho-alerts.yml")).expect("copied");
        let check =
            Command::new("promtool").args(["check", "config", "prometheus.yml"]).current_dir(dir.path()).output();
        let check = check.expect("the tests need promtool: ./test installs it");
        assert!(check.status.success(), "{file}: {}", String::from_utf8_lossy(&[check.stdout, check.stderr].concat()));
    }
}
