//! Plays the recording: one client for each connection that the ERP had.

use std::{fs, path::Path};

use gancho_testkit::{Database, Engine, ErpApi, ErpPhp, FULL_KEY, Instance, Server, ServerOptions};
use serde_json::{Value, json};

use crate::load;

/// What one operation made.
pub struct Heard {
    /// Its name, such as `11-invoice-create-api`.
    pub operation: String,
    /// The events, in order.
    pub events: Vec<Value>,
}

/// How the ERP is heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// By triggers in its database.
    Database,
    /// By its REST API.
    Api,
    /// By its plugin.
    Plugin,
}

/// Plays all operations in order, and gathers the events of each.
pub async fn run(instance: &Instance, kit: &Path, way: Way) -> Vec<Heard> {
    let name = match instance.engine() {
        Engine::MariaDb => "mariadb",
        Engine::Postgres => "postgres",
    };
    let database = instance.blank().await;
    database.play(&read(&kit.join(format!("schema/base-{name}.sql"))));
    let ear = Ear::open(instance.engine(), &database, way).await;
    let mut heard = vec![];
    let mut after = "0".to_owned();
    for file in traces(&kit.join("traces").join(name)) {
        for connection in connections(&read(&file)) {
            database.play(&connection);
        }
        ear.heard_all(&database).await;
        let page = ear.server.get(&format!("/events?limit=500&after={after}")).await;
        after = page["next"].as_str().expect("a cursor").to_owned();
        let events = page["data"].as_array().expect("events").clone();
        let operation = file.file_stem().expect("a name").to_string_lossy().into_owned();
        heard.push(Heard { operation, events });
    }
    heard
}

/// A server that hears the ERP.
struct Ear {
    server: Server,
    erp: Side,
}

/// What stands between the database and the server.
enum Side {
    None,
    Api(ErpApi),
    Plugin(ErpPhp),
}

impl Ear {
    async fn open(engine: Engine, database: &Database, way: Way) -> Self {
        let binary = env!("CARGO_BIN_EXE_gancho");
        match way {
            Way::Database => {
                let server = Server::start(binary, ServerOptions::default()).await;
                let source = json!({"kind": "database", "name": "ERP", "url": database.url});
                server.post("/sources", source, 201).await;
                Self { server, erp: Side::None }
            }
            Way::Api => {
                let erp = ErpApi::start(engine).await;
                load::show(database, &erp).await;
                let asking = [("NEW_S", 0), ("CHANGES_S", 0), ("CHANGES_DAYS", 3650), ("REQUESTS_PER_S", 10_000)];
                let set = |options: ServerOptions, (name, value): (&str, u32)| {
                    options.env(&format!("GANCHO_API_{name}"), value)
                };
                let options = asking.into_iter().fold(ServerOptions::default(), set);
                let server = Server::start(binary, options).await;
                let source = json!({"kind": "api", "name": "ERP", "url": erp.url(), "key": FULL_KEY});
                server.post("/sources", source, 201).await;
                erp.settled().await;
                Self { server, erp: Side::Api(erp) }
            }
            Way::Plugin => {
                let server = Server::start(binary, ServerOptions::default()).await;
                let erp = ErpPhp::install(database);
                erp.connect(&server).await;
                Self { server, erp: Side::Plugin(erp) }
            }
        }
    }

    /// Waits until all that happened so far was heard.
    async fn heard_all(&self, database: &Database) {
        match &self.erp {
            Side::Api(erp) => {
                load::show(database, erp).await;
                erp.settled().await;
            }
            Side::Plugin(erp) => {
                // Each request of the ERP hands over for two seconds at most.
                while database.number("SELECT COUNT(*) FROM ganchoplugin_outbox").await > 0 {
                    erp.request("return null;");
                }
            }
            Side::None => database.drained().await,
        }
    }
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
