//! The ERP's plugin: real PHP against real databases, with small stand-ins for the ERP's own classes.

use gancho_testkit::{Database, Engine, ErpPhp, Instance, Receiver, Respond, Server, ServerOptions};
use serde_json::{Value, json};

use crate::{
    BINARY,
    erp_database::{INVOICE, types},
};

/// An ERP with the plugin, and its database.
pub struct Erp {
    pub database: Database,
    php: ErpPhp,
}

impl std::ops::Deref for Erp {
    type Target = ErpPhp;
    fn deref(&self) -> &ErpPhp {
        &self.php
    }
}

impl Erp {
    pub async fn new(engine: Engine) -> Self {
        let database = Instance::shared(engine).database().await;
        Self { php: ErpPhp::install(&database), database }
    }

    /// A copy of all of it, such as for tests.
    pub async fn copied(&self) -> Self {
        let database = Instance::shared(self.database.engine).blank().await;
        database.play(&self.database.dump());
        Self { php: self.php.copy(&database), database }
    }

    /// To say who asks.
    pub fn php_mut(&mut self) -> &mut ErpPhp {
        &mut self.php
    }

    pub async fn waiting(&self) -> i64 {
        self.database.number("SELECT COUNT(*) FROM ganchoplugin_outbox").await
    }
}

pub async fn server() -> Server {
    Server::start(BINARY, ServerOptions::default().env("GANCHO_LOG_LEVEL", "error")).await
}

pub async fn events(server: &Server) -> Vec<Value> {
    server.get("/events?limit=500").await["data"].as_array().expect("a list").clone()
}

/// A request that changes nothing: at its end what waits is handed over.
pub const NOTHING: &str = "return null;";

/// What this PHP can't compile, or only with a complaint, ends the request.
#[tokio::test]
async fn every_class_is_of_this_php() {
    let erp = Erp::new(Engine::MariaDb).await;
    let load = "$folder = realpath(dirname((new ReflectionClass($plugin))->getFileName()));
        $classes = [];
        foreach (new RecursiveIteratorIterator(new RecursiveDirectoryIterator($folder)) as $file) {
            if ($file->getExtension() === 'php') {
                $name = str_replace('/', '\\\\', substr($file->getPathname(), strlen($folder) + 1, -4));
                $name = \"FacturaScripts\\\\Plugins\\\\Gancho\\\\$name\";
                $classes[] = class_exists($name) || interface_exists($name) || trait_exists($name);
            }
        }
        return [PHP_VERSION, count($classes), count(array_filter($classes))];";
    let loaded = erp.request(load).returned;
    let wanted = std::env::var("PHP_VERSION").unwrap_or_default();
    assert!(loaded[0].as_str().is_some_and(|version| version.starts_with(&wanted)), "{loaded}");
    assert!(loaded[1].as_u64() > Some(80) && loaded[1] == loaded[2], "{loaded}");
}

/// What the plugin, or any receiver in PHP, would check by `hash_hmac`: the vectors of the library for receivers.
#[tokio::test]
async fn signatures_are_those_of_the_receivers_library() {
    let erp = Erp::new(Engine::MariaDb).await;
    let vectors = concat!(env!("CARGO_MANIFEST_DIR"), "/../receiver/vectors.json");
    let code = format!(
        "$right = [0, 0];
        foreach (json_decode(file_get_contents('{vectors}'), true)['cases'] as $case) {{
            $expected = explode(':', $case['expect']);
            if ($expected[0] !== 'plain' && $expected[0] !== 'standard') continue;
            $secret = $case['secrets'][(int)$expected[1]];
            $body = base64_decode($case['body_base64']);
            $headers = $case['headers'];
            if ($expected[0] === 'plain') {{
                $made = hash_hmac('sha256', $body, $secret);
                $sent = [$headers['x-webhook-signature'] ?? '', $headers['x-webhook-signature-next'] ?? ''];
            }} else {{
                $key = base64_decode(substr($secret, strlen('whsec_')));
                $signed = $headers['webhook-id'] . '.' . $headers['webhook-timestamp'] . '.' . $body;
                $made = 'v1,' . base64_encode(hash_hmac('sha256', $signed, $key, true));
                $sent = explode(' ', $headers['webhook-signature']);
            }}
            $right[in_array($made, $sent, true) ? 0 : 1]++;
        }}
        return $right;"
    );
    let counts = erp.request(&code).returned;
    assert!(counts[0].as_u64() > Some(1) && counts[1] == 0, "right and wrong: {counts}");
}

#[tokio::test]
async fn its_triggers_are_those_of_a_database_source() {
    for engine in Engine::ALL {
        let erp = Erp::new(engine).await;
        let code = "use FacturaScripts\\Plugins\\Gancho\\{Outbox\\Engine, Outbox\\Install, Server\\Settings};
            $settings = (new Settings())->read($db);
            return array_values(array_column(Engine::of($db)->parts((new Install($db, $settings))->plan()), 'create'));";
        let parts = erp.request(code).returned;
        let parts: Vec<&str> = parts.as_array().expect("a list").iter().filter_map(Value::as_str).collect();
        let end = if engine == Engine::MariaDb { " //\n" } else { ";\n" };
        let script: String = parts.iter().map(|part| part.replace("ganchoplugin", "gancho") + end).collect();
        let server = server().await;
        let plan = json!({"kind": "database", "name": "ERP", "url": erp.database.url, "dry_run": true});
        let plan = server.post("/sources", plan, 200).await;
        let plan = plan["sql"].as_str().expect("SQL").replace("DELIMITER //\n", "").replace("DELIMITER ;\n", "");
        let plan: String =
            plan.lines().filter(|line| !line.starts_with("-- ")).map(|line| format!("{line}\n")).collect();
        let differs = script.lines().zip(plan.lines()).find(|(ours, theirs)| ours != theirs);
        assert_eq!(differs, None, "{engine:?}");
        assert_eq!(script.len(), plan.len());
    }
}

#[tokio::test]
async fn it_tells_the_same_bytes_as_a_database_source() {
    for engine in Engine::ALL {
        let erp = Erp::new(engine).await;
        let (by_plugin, by_database) = (server().await, server().await);
        erp.connect(&by_plugin).await;
        by_database.post("/sources", json!({"kind": "database", "name": "ERP", "url": erp.database.url}), 201).await;
        for act in [
            "INSERT INTO clientes (codcliente, nombre, fechaalta) VALUES ('1', 'Ana', '2026-01-01')",
            INVOICE,
            "UPDATE lineasfacturascli SET cantidad = 5 WHERE idlinea = 2",
            "UPDATE facturascli SET pagada = true WHERE idfactura = 7",
            "INSERT INTO users (nick, enabled, password, logkey) VALUES ('luis', true, 'S3CRET', 'S3CRET')",
            "UPDATE users SET password = 'S3CRET2' WHERE nick = 'luis'",
            "BEGIN; DELETE FROM lineasfacturascli WHERE idfactura = 7; DELETE FROM facturascli WHERE idfactura = 7; COMMIT",
        ] {
            erp.database.run(act).await;
            erp.database.drained().await;
            erp.request(NOTHING);
        }
        let all = events(&by_plugin).await;
        assert!(all.len() > 7, "{:?}", types(&all));
        let bytes = |events: &[Value]| -> Vec<String> {
            events.iter().map(|event| format!("{} {}", event["event"], event["data"])).collect()
        };
        assert_eq!(bytes(&all), bytes(&events(&by_database).await), "{engine:?}");
        assert!(!bytes(&all).concat().contains("S3CRET"));
        assert_eq!(erp.waiting().await, 0);
    }
}

#[tokio::test]
async fn other_plugins_tell_events_and_hang_on_to_saves() {
    for engine in Engine::ALL {
        let erp = Erp::new(engine).await;
        let server = server().await;
        erp.connect(&server).await;
        let done = erp.request(
            "use FacturaScripts\\Dinamic\\Lib\\Gancho;
            use FacturaScripts\\Dinamic\\Model\\Cliente;
            $heard = [];
            $all = [Gancho::addHook('Cliente::save', function ($customer) use (&$heard) { $heard[] = $customer->nombre; throw new Exception('mine'); }),
                Gancho::addHook('Cliente::nonsense', fn() => 1)];
            (new Cliente(['codcliente' => '1', 'nombre' => 'Ana']))->save();
            $db->beginTransaction();
            $all[] = Gancho::send('subscription.renewed', ['codcliente' => 'phantom']);
            $db->rollback();
            $all[] = Gancho::send('subscription.renewed', ['codcliente' => '1']);
            $all[] = Gancho::send('No type', []);
            $all[] = Gancho::send('a.list', [1, 2]);
            $all[] = Gancho::send('a.large', ['text' => str_repeat('x', 300000)]);
            return [$all, $heard];",
        );
        assert_eq!(done.returned, json!([[true, false, true, true, false, false, false], ["Ana"]]), "{engine:?}");
        assert_eq!(
            (done.errors, done.logged.len()),
            (vec![], 5),
            "a hook that fails is reported, and the save goes on"
        );
        let all = events(&server).await;
        let mut reported = types(&all);
        reported.sort_unstable();
        assert_eq!(reported, ["customer.created", "subscription.renewed"], "{engine:?}");
        let sent = all.iter().find(|event| event["event"] == "subscription.renewed").expect("the event");
        assert_eq!(sent["data"], json!({"object": {"codcliente": "1"}}));
        let first = "FacturaScripts\\Dinamic\\Lib\\Gancho::send('a.first', ['n' => 1]);";
        erp.request(&format!(
            "{first} (new FacturaScripts\\Dinamic\\Model\\Cliente(['codcliente' => '2', 'nombre' => 'Eva']))->save();"
        ));
        let all = events(&server).await;
        let reported = types(&all).into_iter().filter(|reported| *reported == "customer.created").count();
        assert_eq!(reported, 2, "{engine:?}: what comes after an event of one's own is captured too");
    }
}

#[tokio::test]
async fn it_knows_a_login_from_a_logout() {
    for engine in Engine::ALL {
        let erp = Erp::new(engine).await;
        let server = server().await;
        erp.connect(&server).await;
        erp.database.run("INSERT INTO users (nick, enabled, logkey) VALUES ('ana', true, 'a')").await;
        erp.request(NOTHING);
        for (action, user) in [("login", "$user"), ("logout", "null"), ("other", "$user")] {
            erp.request(&format!(
                "$_POST['action'] = '{action}';
                $user = new FacturaScripts\\Dinamic\\Model\\User();
                $user->load('ana');
                FacturaScripts\\Core\\Session::$user = {user};
                $user->logkey = bin2hex(random_bytes(8));
                $user->save();"
            ));
        }
        let all = events(&server).await;
        let reported = types(&all).into_iter().filter(|kind| kind.starts_with("user.")).collect::<Vec<_>>();
        assert_eq!(reported, ["user.created", "user.login", "user.logout", "user.session_changed"], "{engine:?}");
    }
}

#[tokio::test]
async fn what_was_there_before_is_known() {
    for engine in Engine::ALL {
        let erp = Erp::new(engine).await;
        erp.database.run("INSERT INTO users (nick, enabled, email) VALUES ('luis', true, 'l@example.com')").await;
        erp.database.run("INSERT INTO roles (codrole, descripcion) VALUES ('ventas', 'Ventas')").await;
        erp.database.run("DELETE FROM ganchoplugin_outbox").await;
        let server = server().await;
        erp.connect(&server).await;
        erp.database.run("INSERT INTO roles_users (nick, codrole) VALUES ('luis', 'ventas')").await;
        erp.request(NOTHING);
        let all = events(&server).await;
        assert_eq!(types(&all), ["user.permissions_changed"], "{engine:?}");
        assert_eq!(all[0]["data"]["object"]["email"], "l@example.com", "{engine:?}: who it is, not only the name");
    }
}

/// An event that large is kept and not sent; what comes after it goes on.
/// The ERP's API as far as the plugin adds to it: each request is one of the ERP's.
async fn api_of(erp: std::sync::Arc<Erp>) -> Receiver {
    Receiver::with(move |asked| {
        let respond = |status: u16, body: String| Respond { body, ..Respond::status(status) };
        match asked.path.as_str() {
            "/api/3/" => respond(200, json!({"resources": ["clientes", "gancho"]}).to_string()),
            path if path.starts_with("/api/3/gancho") => {
                let known = u8::from(path.contains("known=1"));
                let body = String::from_utf8_lossy(&asked.body).into_owned();
                let done = erp.request(&format!(
                    "$api = new FacturaScripts\\Plugins\\Gancho\\Http\\ApiGancho();
                    parse_str('{body}', $form);
                    $api->request = new class($form) {{ function __construct(private $form) {{}} function method() {{ return $this->form ? 'POST' : 'GET'; }} function input($name) {{ return $this->form[$name] ?? null; }} function query($name, $default = null) {{ return $name === 'known' ? '{known}' : $default; }} }};
                    $api->response = new class {{ public $code = 200; public $json; function setHttpCode($code) {{ $this->code = $code; return $this; }} function json($json) {{ $this->json = $json; }} }};
                    (fn() => $this->runResource())->call($api);
                    return [$api->response->code, json_encode($api->response->json)];"
                ));
                let status = done.returned[0].as_u64().expect("a status") as u16;
                respond(status, done.returned[1].as_str().expect("a body").to_owned())
            }
            _ => respond(404, json!({"status": "error", "message": "no"}).to_string()),
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn its_outbox_may_be_fetched_over_the_api() {
    for engine in Engine::ALL {
        let erp = std::sync::Arc::new(Erp::new(engine).await);
        erp.request("(new FacturaScripts\\Plugins\\Gancho\\Server\\Settings())->save($db, ['way' => 'fetch']);");
        let api = api_of(erp.clone()).await;
        let server = server().await;
        let source = json!({"kind": "api", "name": "ERP", "url": api.url(""), "key": "KEY", "models": ["Cliente", "FacturaCliente"]});
        let refused = server.call(reqwest::Method::POST, "/sources", Some(source.clone())).await;
        assert_eq!(refused.status, 422, "a list that is not there: {}", refused.body);
        let source = json!({"kind": "api", "name": "ERP", "url": api.url(""), "key": "KEY", "models": ["Cliente"]});
        let source = server.post("/sources", source, 201).await;
        erp.database.run("INSERT INTO clientes (codcliente, nombre) VALUES ('1', 'Ana')").await;
        let page = server.wait_until("/events", |page| !page["data"][0].is_null()).await;
        assert_eq!(page["data"][0]["event"], "customer.created", "{engine:?}");
        erp.database.client().await.wait_until("SELECT COUNT(*) FROM ganchoplugin_outbox", |rows| rows == 0).await;
        let source = format!("/sources/{}", source["id"].as_str().expect("an id"));
        server.wait_until(&source, |source| source["state"] == "ok" && source["backlog"].is_number()).await;
        let checked = server.post(&format!("{source}/check"), json!({}), 200).await;
        assert!(checked["ok"] == true && checked.to_string().contains("lets its outbox be fetched"), "{checked}");
    }
}

#[tokio::test]
async fn a_record_that_is_opened_is_told_without_secrets() {
    let erp = Erp::new(Engine::Postgres).await;
    let server = server().await;
    erp.connect(&server).await;
    erp.request(
        "$view = (object)['model' => new class {
            function exists() { return true; }
            function modelClassName() { return 'User'; }
            function toArray() { return ['nick' => 'ana', 'password' => 'S3CRET']; }
        }];
        $page = new class { function getMainViewName() { return 'EditUser'; } };
        $opened = (new FacturaScripts\\Plugins\\Gancho\\Capture\\OpenPipes())->loadData()->bindTo($page, null);
        $opened('EditUser', $view);
        $opened('ListOther', $view);",
    );
    let all = events(&server).await;
    assert_eq!(types(&all), ["model.loaded"], "its main view, once");
    assert_eq!(all[0]["data"], json!({"model": "User", "object": {"nick": "ana"}}));
}

#[tokio::test]
async fn cron_mends_and_hands_over() {
    for engine in Engine::ALL {
        let erp = Erp::new(engine).await;
        let server = server().await;
        erp.connect(&server).await;
        let drop = match engine {
            Engine::MariaDb => "DROP TRIGGER ganchoplugin_i_clientes",
            Engine::Postgres => "DROP TRIGGER ganchoplugin_row ON clientes",
        };
        erp.database.run(drop).await;
        let cron = "(new FacturaScripts\\Plugins\\Gancho\\Cron('Gancho'))->run();";
        erp.request(cron);
        erp.database.run("INSERT INTO clientes (codcliente, nombre) VALUES ('1', 'Ana')").await;
        // The cron itself hands over, not the end of its request.
        let left = erp.request(&format!(
            "{cron} return (int)$db->select('SELECT COUNT(*) AS n FROM ganchoplugin_outbox')[0]['n'];"
        ));
        assert_eq!(left.returned, 0, "{engine:?}");
        assert_eq!(types(&events(&server).await), ["customer.created"], "{engine:?}");
    }
}
