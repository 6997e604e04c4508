//! Plays the recording: one client for each connection that the ERP had.

use std::{fs, path::Path};

use gancho_testkit::{Engine, Instance, Server, ServerOptions};
use serde_json::{Value, json};

/// What one operation made.
pub struct Heard {
    /// Its name, such as `11-invoice-create-api`.
    pub operation: String,
    /// The events, in order.
    pub events: Vec<Value>,
}

/// Plays all operations in order, and gathers the events of each.
pub async fn run(instance: &Instance, kit: &Path) -> Vec<Heard> {
    let name = match instance.engine() {
        Engine::MariaDb => "mariadb",
        Engine::Postgres => "postgres",
    };
    let database = instance.blank().await;
    database.play(&read(&kit.join(format!("schema/base-{name}.sql"))));
    let server = Server::start(env!("CARGO_BIN_EXE_gancho"), ServerOptions::default()).await;
    let source = json!({"kind": "database", "name": "ERP", "url": database.url});
    server.post("/sources", source, 201).await;
    let mut heard = vec![];
    let mut after = "0".to_owned();
    for file in traces(&kit.join("traces").join(name)) {
        for connection in connections(&read(&file)) {
            database.play(&connection);
        }
        database.drained().await;
        let page = server.get(&format!("/events?limit=500&after={after}")).await;
        after = page["next"].as_str().expect("a cursor").to_owned();
        let events = page["data"].as_array().expect("events").clone();
        let operation = file.file_stem().expect("a name").to_string_lossy().into_owned();
        heard.push(Heard { operation, events });
    }
    assert_eq!(database.number("SELECT COUNT(*) FROM gancho_outbox").await, 0);
    heard
}

/// The text of a trace, cut where another request of the ERP begins.
fn connections(trace: &str) -> Vec<String> {
    let mut parts = trace.split("\n-- connection ");
    let head = parts.next().unwrap_or_default();
    parts.map(|part| format!("{head}\n-- connection {part}\n")).collect()
}

fn traces(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    files
}

fn read(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}
