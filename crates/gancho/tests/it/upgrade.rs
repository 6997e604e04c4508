//! What an earlier version left behind is opened, upgraded and finished: `tests/upgrade/VERSION.tar.gz`, made by
//! that version's `cargo test --test fixture`.

use std::{path::Path, process::Command};

use gancho_testkit::{Database, Engine, ErpPhp, Instance, Received, Receiver, Server, ServerOptions};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{BINARY, erp_database::types};

/// Every version of which there is a fixture.
const VERSIONS: [&str; 1] = ["0.1.0"];

/// Events of ERPs alone.
const OF_THE_ERP: &str = "/events?limit=500&types=customer.*,invoice.*";

/// An unpacked fixture.
struct Fixture {
    folder: tempfile::TempDir,
    facts: Value,
}

impl Fixture {
    fn unpack(version: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let archive = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/upgrade/{version}.tar.gz"));
        let status = Command::new("tar").arg("xzf").arg(archive).arg("-C").arg(folder.path()).status();
        assert!(status.expect("tar runs").success());
        let facts = std::fs::read_to_string(folder.path().join("facts.json")).expect("facts");
        Self { facts: serde_json::from_str(&facts).expect("JSON"), folder }
    }

    /// This version's server on the data of the other.
    async fn server(&self, options: ServerOptions) -> Server {
        let put = |data: &Path| {
            let copied = Command::new("cp").arg("-r").arg(self.folder.path().join("data")).arg(data).status();
            assert!(copied.expect("cp runs").success());
        };
        Server::start_on(BINARY, options.env("GANCHO_LOG_LEVEL", "error"), put).await
    }

    /// A database as the other version left it.
    async fn database(&self, kind: &str, engine: Engine) -> Database {
        let name = if engine == Engine::MariaDb { "mariadb" } else { "postgres" };
        let dump = self.folder.path().join(format!("{kind}-{name}.sql"));
        let database = Instance::shared(engine).blank().await;
        database.play(&std::fs::read_to_string(dump).expect("a dump"));
        database
    }

    fn endpoint(&self, name: &str) -> String {
        format!("/endpoints/{}", self.facts["endpoints"][name]["id"].as_str().expect("an id"))
    }

    /// How many events the ERPs had made.
    fn of_the_erp(&self) -> usize {
        let all = self.facts["events"].as_array().expect("a list");
        all.iter().filter(|one| one["event"] == "customer.updated").count()
    }

    /// The deliveries of an endpoint that waited.
    fn waiting(&self, name: &str) -> usize {
        let id = &self.facts["endpoints"][name]["id"];
        let all = self.facts["deliveries"].as_array().expect("a list");
        all.iter().filter(|one| one["endpoint_id"] == *id && one["state"] == "pending").count()
    }
}

#[tokio::test]
async fn secrets_people_and_tokens_are_still_known() {
    for version in VERSIONS {
        let fixture = Fixture::unpack(version);
        let server = fixture.server(ServerOptions::default()).await;
        for (name, known) in fixture.facts["endpoints"].as_object().expect("endpoints") {
            let path = fixture.endpoint(name);
            let endpoint = server.get(&path).await;
            assert_eq!((&endpoint["url"], &endpoint["name"]), (&known["url"], &json!(name)), "{version}");
            let secret = server.get(&format!("{path}/secret")).await;
            // One was being changed; by now that may have come to its end.
            let changing = name == "paused" && secret["secret"] != known["secret"];
            let kept = if changing { &secret["previous"] } else { &secret["secret"] };
            assert!(*kept == known["secret"] || (changing && kept.is_null()), "{version}: {name}: {secret}");
        }
        let body = json!({"event": "demo.made", "id": "own-3", "data": {"object": {"n": 3}}});
        let again = server.post("/events", body, 202).await;
        let known = fixture.facts["events"].as_array().expect("a list").iter().any(|one| one["id"] == again["id"]);
        assert!(known, "{version}: a repeat is recognised");
        for scope in ["admin", "read"] {
            let token = fixture.facts["tokens"][scope].as_str().expect("a token");
            assert_eq!(server.call_as(token, Method::GET, "/events", None).await.status, 200, "{version}: {scope}");
        }
        for (name, password, right) in [("ana", "una clave larga", true), ("luis", "otra", false)] {
            assert_eq!(sign_in(&server, name, password).await == 200, right, "{version}: {name}");
        }
    }
}

/// What comes after the login page, to a name and a password.
async fn sign_in(server: &Server, name: &str, password: &str) -> u16 {
    sign_in_from(server, &[], name, password).await
}

/// The same with these lines of X-Forwarded-For.
pub async fn sign_in_from(server: &Server, hops: &[&str], name: &str, password: &str) -> u16 {
    let page = server.request(Method::GET, "/login").send().await.expect("a page");
    let cookie = page.headers()["set-cookie"].to_str().expect("text").split(';').next().expect("a cookie").to_owned();
    let page = page.text().await.expect("text");
    let token = page.split("name=\"csrf_token\" value=\"").nth(1).and_then(|rest| rest.split('"').next());
    let fields = [("name", name), ("password", password), ("csrf_token", token.expect("a token"))];
    let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let request = server.request(Method::POST, "/login").header("cookie", cookie).body(form);
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    let request = hops.iter().fold(request, |request, hop| request.header("x-forwarded-for", *hop));
    server.answer(request).await.expect("an answer").status
}

#[tokio::test]
async fn what_waited_is_delivered() {
    for version in VERSIONS {
        let fixture = Fixture::unpack(version);
        let (server, receiver) = (fixture.server(ServerOptions::default()).await, Receiver::start().await);
        for name in ["failing", "hanging", "paused", "disabled", "underscore", "unnameable"] {
            let path = fixture.endpoint(name);
            // A field of an endpoint whose URL would be refused today can be changed.
            server.patch(&path, json!({"description": "known"})).await;
            server.patch(&path, json!({"url": receiver.url(&format!("/{name}")), "paused": false})).await;
            server.patch(&path, json!({"enabled": true})).await;
            server.post(&format!("{path}/retry"), json!({}), 202).await;
            server.wait_until(&path, |one| one["health"]["pending"] == 0).await;
            let came = receiver.about(|all| {
                let mut ids: Vec<String> =
                    all.iter().filter(|one| of(one, name)).map(|one| one.id().to_owned()).collect();
                ids.sort_unstable();
                ids.dedup();
                ids.len()
            });
            assert_eq!((came, came > 10), (fixture.waiting(name), true), "{version}: {name}");
        }
        let private = server.get(&fixture.endpoint("private")).await;
        assert_eq!(private["health"]["pending"], fixture.waiting("private"), "{version}: it waits as before");
    }
}

fn of(request: &Received, name: &str) -> bool {
    request.path == format!("/{name}")
}

#[tokio::test]
async fn outboxes_of_databases_are_heard_to_their_end() {
    for version in VERSIONS {
        let fixture = Fixture::unpack(version);
        let server = fixture.server(ServerOptions::default().env("GANCHO_SOURCE_MEND_S", 1)).await;
        let known = fixture.of_the_erp();
        let sources = server.get("/sources").await["data"].as_array().expect("a list").clone();
        for (n, engine) in Engine::ALL.into_iter().enumerate() {
            let name = if engine == Engine::MariaDb { "Por mariadb" } else { "Por postgres" };
            let source = sources.iter().find(|one| one["name"] == name).expect("a source");
            let path = format!("/sources/{}", source["id"].as_str().expect("an id"));
            let database = fixture.database("database", engine).await;
            server.patch(&path, json!({"url": database.url})).await;
            let enough = |page: &Value| page["data"].as_array().is_some_and(|all| all.len() >= known + 2 * (n + 1));
            let page = server.wait_until(OF_THE_ERP, enough).await;
            let events = &page["data"].as_array().expect("a list")[known + 2 * n..];
            assert_eq!(types(events), ["customer.updated", "invoice.created"], "{version} {engine:?}");
            assert_eq!(events[1]["data"]["object"]["total"], 84.7);
            database.drained().await;
        }
    }
}

#[tokio::test]
async fn the_plugin_goes_on_with_the_outbox_of_an_older_one() {
    for version in VERSIONS {
        let fixture = Fixture::unpack(version);
        let server = fixture.server(ServerOptions::default()).await;
        let known = fixture.of_the_erp();
        for (n, engine) in Engine::ALL.into_iter().enumerate() {
            let database = fixture.database("plugin", engine).await;
            let erp = ErpPhp::over(&database);
            erp.request("$plugin->update();");
            let settings = format!("['url' => '{}']", server.base());
            erp.request(&format!("(new FacturaScripts\\Plugins\\Gancho\\Server\\Settings())->save($db, {settings});"));
            erp.request("return null;");
            let events = server.get(OF_THE_ERP).await["data"].as_array().expect("a list").clone();
            assert_eq!(
                types(&events[known + 2 * n..]),
                ["customer.updated", "invoice.created"],
                "{version} {engine:?}"
            );
            assert_eq!(database.number("SELECT COUNT(*) FROM ganchoplugin_outbox").await, 0);
        }
    }
}

/// The ERP's plugin is updated when its owner thinks of it.
#[tokio::test]
async fn an_older_plugin_is_still_understood() {
    for version in VERSIONS {
        let fixture = Fixture::unpack(version);
        let zip = std::fs::File::open(fixture.folder.path().join("Gancho.zip")).expect("the plugin");
        zip::ZipArchive::new(zip).and_then(|mut zip| zip.extract(fixture.folder.path())).expect("unpacks");
        for engine in Engine::ALL {
            let database = Instance::shared(engine).database().await;
            let older = ErpPhp::over(&database).with_plugin(fixture.folder.path().join("Gancho"));
            older.refusable("$plugin->update();");
            let server = Server::start(BINARY, ServerOptions::default().env("GANCHO_LOG_LEVEL", "error")).await;
            let source = server.post("/sources", json!({"kind": "plugin", "name": "ERP"}), 201).await;
            let save = format!(
                "(new FacturaScripts\\Plugins\\Gancho\\Server\\Settings())->save($db, ['url' => '{}', 'token' => '{}', 'way' => 'push']);",
                server.base(),
                source["token"].as_str().expect("a token")
            );
            older.refusable(&save);
            database.run("INSERT INTO clientes (codcliente, nombre) VALUES ('1', 'Ana')").await;
            older.refusable("return null;");
            let page = server.get(OF_THE_ERP).await;
            assert_eq!(page["data"][0]["data"]["object"]["nombre"], "Ana", "{version}, {engine:?}: {page}");
            let check = format!("/sources/{}/check", source["id"].as_str().expect("an id"));
            assert_eq!(server.post(&check, json!({}), 200).await["ok"], true, "{version}, {engine:?}");
        }
    }
}

/// Whether this stands readable in a file of the folder.
fn is_readable(folder: &Path, text: &str) -> bool {
    let files = std::fs::read_dir(folder).expect("a folder").map(|file| file.expect("a file").path());
    let holds =
        |file: &Path| std::fs::read(file).expect("bytes").windows(text.len()).any(|part| part == text.as_bytes());
    files.filter(|file| file.is_file()).any(|file| holds(&file))
}

#[tokio::test]
async fn addresses_of_webhooks_are_readable_in_no_file() {
    for version in VERSIONS {
        let fixture = Fixture::unpack(version);
        let secret = "token=S3CRET-private";
        assert!(is_readable(&fixture.folder.path().join("data"), secret), "{version}: they were");
        let mut server = fixture.server(ServerOptions::default()).await;
        let known = &fixture.facts["endpoints"]["private"]["url"];
        assert_eq!(server.get(&fixture.endpoint("private")).await["url"], *known, "{version}");
        assert!(!is_readable(&server.data_dir(), secret), "{version}: not while it runs");
        let path = fixture.endpoint("private");
        server.patch(&path, json!({"url": "https://example.com/hook?token=an0ther-secret"})).await;
        server.patch(&path, json!({"url": "https://example.com/hook?token=th1rd"})).await;
        assert!(!is_readable(&server.data_dir(), "an0ther-secret"), "{version}");
        server.stop().await;
        for text in [secret, "an0ther-secret", "token=th1rd"] {
            assert!(!is_readable(&server.data_dir(), text), "{version}: nor afterwards: {text}");
        }
    }
}
