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
    /// By its plugin, without a server.
    Alone,
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
        let events = ear.events(&mut after).await;
        let operation = file.file_stem().expect("a name").to_string_lossy().into_owned();
        heard.push(Heard { operation, events });
    }
    heard
}

/// What the plugin makes by itself, oldest first.
const OWN_EVENTS: &str = "use FacturaScripts\\Plugins\\Gancho\\{Server\\Settings, Webhook\\Alone, Webhook\\Api};
    $alone = new Alone($db, (new Settings())->read($db));
    return array_reverse((new Api($alone, 'api'))->answer('GET', 'ganchoevents', '', [], ['limit' => 500])[1]);";
/// A paused webhook: events are made and nothing is sent.
const BEGIN_ALONE: &str = "use FacturaScripts\\Plugins\\Gancho\\{Server\\Settings, Webhook\\Alone};
    $settings = (new Settings())->read($db);
    $settings->save($db, ['way' => 'alone']);
    (new Alone($db, $settings, true))->webhooks->add(['url' => 'https://example.com', 'events' => '*', 'paused' => true], 'kit');";

/// Who hears the ERP: a server, but for a plugin that does it by itself.
struct Ear {
    server: Option<Server>,
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
                Self { server: Some(server), erp: Side::None }
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
                Self { server: Some(server), erp: Side::Api(erp) }
            }
            Way::Plugin => {
                let server = Server::start(binary, ServerOptions::default()).await;
                let erp = ErpPhp::install(database);
                erp.connect(&server).await;
                Self { server: Some(server), erp: Side::Plugin(erp) }
            }
            Way::Alone => {
                let erp = ErpPhp::install(database);
                erp.request(BEGIN_ALONE);
                Self { server: None, erp: Side::Plugin(erp) }
            }
        }
    }

    /// The events after this one, which becomes the last of them.
    async fn events(&self, after: &mut String) -> Vec<Value> {
        match (&self.server, &self.erp) {
            (Some(server), _) => {
                let page = server.get(&format!("/events?limit=500&after={after}")).await;
                page["next"].as_str().expect("a cursor").clone_into(after);
                page["data"].as_array().expect("events").clone()
            }
            (None, Side::Plugin(erp)) => {
                let seen: u64 = after.parse().expect("a number");
                let mut events = erp.request(OWN_EVENTS).returned.as_array().expect("events").clone();
                events.retain(|event| event["sequence"].as_u64() > Some(seen));
                if let Some(last) = events.last() {
                    *after = last["sequence"].to_string();
                }
                events
            }
            _ => vec![],
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
