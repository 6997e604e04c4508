//! Who wrote to the ERP: the plugin tells the connection, the triggers write it down, and no integration hears its own echo.

use gancho_testkit::{Engine, Receiver, Respond};
use serde_json::{Value, json};

use crate::erp_plugin::{Erp, NOTHING, events, server};

impl Erp {
    /// People, keys, and their secrets.
    async fn populate(&self) {
        let boolean = "true";
        self.database
            .run(&format!(
                "INSERT INTO api_keys (id, apikey, description, enabled) VALUES (3, 'SHOPKEY', 'Tienda', {boolean}); \
                 INSERT INTO api_keys (id, apikey, description, enabled) VALUES (4, 'OLDKEY', 'Vieja', false); \
                 INSERT INTO users (nick, enabled, logkey) VALUES ('ana', {boolean}, 'ANALOG')"
            ))
            .await;
    }
}

fn page(nick: &str, logkey: &str) -> Value {
    let server = json!({"REQUEST_METHOD": "POST", "REQUEST_URI": "/EditCliente"});
    json!({"server": server, "cookie": {"fsNick": nick, "fsLogkey": logkey}})
}

fn api(key: &str) -> Value {
    json!({"server": {"REQUEST_METHOD": "POST", "REQUEST_URI": "/api/3/clientes", "HTTP_TOKEN": key}})
}

fn path(uri: &str, key: &str) -> Value {
    json!({"server": {"REQUEST_METHOD": "PUT", "REQUEST_URI": uri, "HTTP_TOKEN": key}})
}

#[tokio::test]
async fn the_plugin_tells_who_writes_and_believes_no_claim() {
    for engine in Engine::ALL {
        let mut erp = Erp::new(engine).await;
        let (by_plugin, by_database) = (server().await, server().await);
        erp.connect(&by_plugin).await;
        by_database.post("/sources", json!({"kind": "database", "name": "ERP", "url": erp.database.url}), 201).await;
        erp.populate().await;
        erp.php_mut().asked_as(json!({}));
        erp.request(NOTHING);
        let cron = json!({"server": {"REQUEST_METHOD": "GET", "REQUEST_URI": "/cron"}});
        let ana = json!({"kind": "user", "id": "ana"});
        let mut expected = vec![];
        for (n, (asked, origin)) in [
            (page("ana", "ANALOG"), ana.clone()),
            (page("ana", "FORGED"), Value::Null),
            (page("ANA", "analog"), Value::Null),
            (page("ana' OR '1'='1", "x"), Value::Null),
            (page("", ""), Value::Null),
            (api("SHOPKEY"), json!({"kind": "api", "id": 3, "name": "Tienda"})),
            (api("shopkey"), Value::Null),
            (api("OLDKEY"), Value::Null),
            (api("CONFIGKEY"), json!({"kind": "api", "id": 0, "name": "config.php"})),
            (cron, json!({"kind": "cron"})),
            (path("/api/3/clientes/cron", "SHOPKEY"), json!({"kind": "api", "id": 3, "name": "Tienda"})),
            (path("/EditCliente/cron", ""), Value::Null),
            (path("/EditCliente/api/3", "SHOPKEY"), Value::Null),
        ]
        .into_iter()
        .enumerate()
        {
            erp.php_mut().asked_as(asked);
            erp.request(&format!(
                "$one = new FacturaScripts\\Dinamic\\Model\\Cliente(); $one->codcliente = 'C{n}'; $one->nombre = 'Uno'; return $one->save();"
            ));
            expected.push((format!("C{n}"), origin));
        }
        // A statement from elsewhere, and a transaction in which two had a part.
        erp.database.run("INSERT INTO clientes (codcliente, nombre) VALUES ('SQL', 'Uno')").await;
        expected.push(("SQL".into(), Value::Null));
        erp.php_mut().asked_as(json!({}));
        erp.request(NOTHING);
        erp.database.drained().await;
        for server in [&by_plugin, &by_database] {
            let all = events(server).await;
            let found: Vec<(String, Value)> = all
                .iter()
                .filter(|event| event["event"] == "customer.created")
                .map(|event| {
                    let code = event["data"]["object"]["codcliente"].as_str().expect("a code").to_owned();
                    (code, event["origin"].clone())
                })
                .collect();
            assert_eq!(found, expected, "{engine:?}");
            let said = format!("{all:?}");
            assert!(!said.contains("SHOPKEY") && !said.contains("ANALOG"), "secrets stay in the ERP");
        }
    }
}

/// Who chooses what to ignore is offered the ERP's users and keys by name, before any of them wrote anything.
#[tokio::test]
async fn a_source_knows_who_may_write_there() {
    for engine in Engine::ALL {
        let erp = Erp::new(engine).await;
        let server = server().await;
        erp.populate().await;
        let plugin = erp.connect(&server).await;
        let body = json!({"kind": "database", "name": "ERP", "url": erp.database.url});
        let database = server.post("/sources", body, 201).await["id"].as_str().expect("an id").to_owned();
        erp.database.run("INSERT INTO clientes (codcliente, nombre) VALUES ('1', 'Ana')").await;
        erp.request(NOTHING);
        for source in [plugin, format!("/sources/{database}")] {
            let known = server.wait_until(&source, |source| source["writers"][0].is_object()).await;
            let writers = known["writers"].as_array().expect("a list");
            for writer in [
                json!({"kind": "user", "id": "ana"}),
                json!({"kind": "api", "id": 3, "name": "Tienda"}),
                json!({"kind": "api", "id": 4, "name": "Vieja"}),
            ] {
                assert!(writers.contains(&writer), "{engine:?} {source}: {writers:?}");
            }
            assert!(!known.to_string().contains("SHOPKEY") && !known.to_string().contains("ANALOG"));
        }
    }
}

/// At the end of a request the ERP does work that others queued: that is not the doing of who asks.
#[tokio::test]
async fn work_that_waited_has_the_origin_of_who_queued_it_or_none() {
    for engine in Engine::ALL {
        let mut erp = Erp::new(engine).await;
        let server = server().await;
        erp.connect(&server).await;
        erp.populate().await;
        let id = if engine == Engine::MariaDb { "id INT AUTO_INCREMENT PRIMARY KEY" } else { "id SERIAL PRIMARY KEY" };
        let table = format!("CREATE TABLE work_events ({id}, name TEXT, value TEXT, done INT)");
        erp.database.run(&table).await;
        let send = |erp: &Erp, values: &[&str]| {
            let send = |value: &&str| format!("FacturaScripts\\Core\\WorkQueue::send('Other.do', '{value}');");
            let sends: String = values.iter().map(send).collect();
            erp.request(&format!("{sends} return null;"));
        };
        // The other plugin names its worker in each request, after ours.
        for (mut asked, values) in
            [(api("SHOPKEY"), &["OWN"][..]), (page("ana", "ANALOG"), &["FIRST", "SECOND"]), (api("SHOPKEY"), &[])]
        {
            asked["workers"] = json!({"CustomerWorker": "Other.do"});
            erp.php_mut().asked_as(asked);
            send(&erp, values);
        }
        erp.php_mut().asked_as(json!({}));
        erp.request(NOTHING);
        assert_eq!(erp.waiting().await, 0);
        let all = events(&server).await;
        let found: Vec<(&str, &Value)> = all
            .iter()
            .filter(|event| event["event"] == "customer.created")
            .filter_map(|event| Some((event["data"]["object"]["codcliente"].as_str()?, &event["origin"])))
            .collect();
        let shop = json!({"kind": "api", "id": 3, "name": "Tienda"});
        let ana = json!({"kind": "user", "id": "ana"});
        assert_eq!(found, [("OWN", &shop), ("FIRST", &ana), ("SECOND", &Value::Null)], "{engine:?}");
    }
}

/// Two integrations that write to each other through the ERP: each hears the other and whoever else writes, never itself.
#[tokio::test]
async fn two_integrations_write_to_each_other_and_no_echo_comes_back() {
    let rounds: u64 = std::env::var("GANCHO_TEST_ECHOES").ok().and_then(|text| text.parse().ok()).unwrap_or(300);
    for engine in Engine::ALL {
        let erp = Erp::new(engine).await;
        let server = server().await;
        server.post("/sources", json!({"kind": "database", "name": "ERP", "url": erp.database.url}), 201).await;
        let (shop, books) = (Integration::start(&erp, 3, rounds).await, Integration::start(&erp, 4, rounds).await);
        for one in [&shop, &books] {
            let origin = format!("api:{}", one.key);
            let body = json!({"url": one.receiver.url("/"), "events": ["customer.*"], "ignore_origins": [origin],
                "max_in_flight": 64});
            server.post("/endpoints", body, 201).await;
        }
        // A person begins, with several at once; from then on each answers what it hears by a write of its own.
        for n in 0..rounds / 10 {
            erp.database.run(&format!("INSERT INTO clientes (codcliente, nombre) VALUES ('P{n}', 'Ana')")).await;
        }
        let heard = |all: &[gancho_testkit::Received]| all.len() as u64 >= rounds;
        shop.receiver.wait_until("the shop heard all", heard).await;
        books.receiver.wait_until("the books heard all", heard).await;
        erp.database.drained().await;
        for (one, other) in [(&shop, &books), (&books, &shop)] {
            let written = other.written.load(std::sync::atomic::Ordering::SeqCst);
            let by = |key: u32, all: &[gancho_testkit::Received]| {
                all.iter().filter(|one| one.json()["origin"]["id"] == json!(key)).count() as u64
            };
            one.receiver.wait_until("nothing is lost", |all| by(other.key, all) == written).await;
            assert_eq!(one.receiver.about(|all| by(one.key, all)), 0, "{engine:?}: no echo");
        }
    }
}

/// A program that hears the ERP and writes to it, with a key of its own.
struct Integration {
    key: u32,
    receiver: Receiver,
    written: std::sync::Arc<std::sync::atomic::AtomicU64>,
}

impl Integration {
    async fn start(erp: &Erp, key: u32, rounds: u64) -> Self {
        let written = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0));
        let (ask, mut asked) = tokio::sync::mpsc::unbounded_channel::<()>();
        let receiver = Receiver::with(move |_| {
            let _ = ask.send(());
            Respond::status(200)
        })
        .await;
        let mut client = erp.database.client().await;
        let marker = match erp.database.engine {
            Engine::MariaDb => format!("SET @gancho_origin = '{{\"kind\":\"api\",\"id\":{key}}}'"),
            Engine::Postgres => format!("SET gancho.origin = '{{\"kind\":\"api\",\"id\":{key}}}'"),
        };
        client.run(&marker).await;
        let count = written.clone();
        tokio::spawn(async move {
            while asked.recv().await.is_some() {
                let n = count.fetch_add(1, std::sync::atomic::Ordering::SeqCst) + 1;
                let insert = format!("INSERT INTO clientes (codcliente, nombre) VALUES ('{key}-{n}', 'Eco')");
                client.run(&insert).await;
                if n == rounds {
                    return;
                }
            }
        });
        Self { key, receiver, written }
    }
}
