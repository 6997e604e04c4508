//! The ERP's plugin: real PHP against real databases, with small stand-ins for the ERP's own classes.

use gancho_testkit::{Database, Engine, ErpPhp, Instance, Receiver, Respond, Server, ServerOptions};
use serde_json::{Value, json};

use crate::{
    BINARY,
    erp_database::{INVOICE, types},
};

/// An ERP with the plugin, and its database.
struct Erp {
    database: Database,
    php: ErpPhp,
}

impl std::ops::Deref for Erp {
    type Target = ErpPhp;
    fn deref(&self) -> &ErpPhp {
        &self.php
    }
}

impl Erp {
    async fn new(engine: Engine) -> Self {
        let database = Instance::shared(engine).database().await;
        Self { php: ErpPhp::install(&database), database }
    }

    async fn waiting(&self) -> i64 {
        self.database.number("SELECT COUNT(*) FROM ganchoplugin_outbox").await
    }
}

async fn server() -> Server {
    Server::start(BINARY, ServerOptions::default().env("GANCHO_LOG_LEVEL", "error")).await
}

async fn events(server: &Server) -> Vec<Value> {
    server.get("/events?limit=500").await["data"].as_array().expect("a list").clone()
}

/// A request that changes nothing: at its end what waits is handed over.
const NOTHING: &str = "return null;";

#[tokio::test]
async fn its_triggers_are_those_of_a_database_source() {
    for engine in Engine::ALL {
        let erp = Erp::new(engine).await;
        let code = "use FacturaScripts\\Plugins\\Gancho\\{Outbox\\Engine, Outbox\\Install, Server\\Settings};
            $settings = (new Settings())->read($db);
            return array_values(array_column(Engine::of($db)->parts((new Install($db, $settings))->plan()), 'create'));";
        let parts = erp.request(code).said;
        let parts: Vec<&str> = parts.as_array().expect("a list").iter().filter_map(Value::as_str).collect();
        let end = if engine == Engine::MariaDb { " //\n" } else { ";\n" };
        let script: String = parts.iter().map(|part| part.replace("ganchoplugin", "gancho") + end).collect();
        let server = server().await;
        let plan = json!({"kind": "database", "name": "ERP", "url": erp.database.url, "dry_run": true});
        let plan = server.post("/sources", plan, 200).await;
        let plan = plan["sql"].as_str().expect("SQL").replace("DELIMITER //\n", "").replace("DELIMITER ;\n", "");
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
async fn whatever_gancho_does_the_erp_goes_on_and_nothing_is_lost() {
    for engine in Engine::ALL {
        let erp = Erp::new(engine).await;
        let hanging = Receiver::with(|_| Respond::status(202).after(std::time::Duration::from_secs(30))).await;
        let odd = Receiver::with(|_| Respond { body: "<html>".into(), ..Respond::status(200) }).await;
        let refusing = Receiver::with(|_| Respond::status(401)).await;
        for (n, url) in
            ["http://127.0.0.1:9", &hanging.url(""), &odd.url(""), &refusing.url("")].into_iter().enumerate()
        {
            erp.point_at(url.trim_end_matches('/'), "token");
            let insert = format!("$db->exec(\"INSERT INTO clientes (codcliente, nombre) VALUES ('{n}', 'Ana')\");");
            let done = erp.request(&insert);
            assert_eq!((done.errors, done.logged), (vec![], vec![]), "{engine:?} {url}");
            assert_eq!(erp.waiting().await, n as i64 + 1, "{engine:?} {url}: it waits");
            let state = erp.request("return (new FacturaScripts\\Plugins\\Gancho\\Server\\Settings())->state();").said;
            assert_eq!(state["failures"], 1, "{engine:?} {url}: {state}");
            assert!(
                state["last_error"].is_string() && state["next_at"].as_i64() > Some(0),
                "it says why, and waits: {state}"
            );
        }
        let server = server().await;
        let source = erp.connect(&server).await;
        erp.request(NOTHING);
        assert_eq!(types(&events(&server).await), ["customer.created"; 4], "{engine:?}");
        assert_eq!(erp.waiting().await, 0);
        let checked = server.post(&format!("{source}/check"), json!({}), 200).await;
        assert_eq!(checked["ok"], true, "{checked}");
        assert!(checked.to_string().contains("with triggers"), "{checked}");
    }
}

#[tokio::test]
async fn a_repeated_hand_over_tells_nothing_twice() {
    let erp = Erp::new(Engine::MariaDb).await;
    let server = server().await;
    erp.connect(&server).await;
    erp.database.run("INSERT INTO clientes (codcliente, nombre) VALUES ('1', 'Ana')").await;
    // Taken there, and the answer lost on the way: the rows are still here.
    let code = "use FacturaScripts\\Plugins\\Gancho\\{Outbox\\Install, Outbox\\Look, Server\\Client, Server\\Settings};
        $settings = (new Settings())->read($db);
        return Client::source($settings)->call('POST', 'outbox', Look::at($db, $settings, (new Install($db, $settings))->plan(), 200))->body['taken'];";
    assert_eq!(erp.request(code).said.as_array().map(Vec::len), Some(1));
    erp.request(NOTHING);
    assert_eq!(erp.waiting().await, 0);
    assert_eq!(types(&events(&server).await), ["customer.created"]);
}

#[tokio::test]
async fn models_tell_where_triggers_may_not_be_made() {
    for engine in Engine::ALL {
        let erp = Erp::new(engine).await;
        let server = server().await;
        erp.connect(&server).await;
        erp.database.run("INSERT INTO clientes (codcliente, nombre) VALUES ('1', 'Ana')").await;
        erp.request(NOTHING);
        // As Install finds it where the account lacks the right.
        erp.request(
            "$install = new FacturaScripts\\Plugins\\Gancho\\Outbox\\Install($db, $settings = (new FacturaScripts\\Plugins\\Gancho\\Server\\Settings())->read($db));
            (fn() => $this->drop(fn($name) => str_starts_with($name, 'trigger ')))->call($install);
            $settings->note(['mode' => 'models']);
            (new FacturaScripts\\Plugins\\Gancho\\Capture\\Flags($db))->learn();",
        );
        let began = events(&server).await.len();
        erp.request(
            "use FacturaScripts\\Dinamic\\Model\\{FacturaCliente, LineaFacturaCliente};
            $db->beginTransaction();
            $invoice = new FacturaCliente(['codigo' => 'FAC7', 'codcliente' => '1', 'total' => 0, 'pagada' => false, 'vencida' => false, 'fecha' => '2026-11-24']);
            $invoice->save();
            (new LineaFacturaCliente(['idfactura' => $invoice->idfactura, 'descripcion' => 'Uno', 'cantidad' => 1]))->save();
            $invoice->total = 84.7;
            $invoice->save();
            $db->commit();",
        );
        erp.request(
            "use FacturaScripts\\Dinamic\\Model\\ReciboCliente;
            $id = $db->select('SELECT MAX(idfactura) AS id FROM facturascli')[0]['id'];
            (new ReciboCliente(['idfactura' => $id, 'pagado' => true, 'vencido' => false, 'importe' => 84.7]))->save();",
        );
        erp.request(
            "use FacturaScripts\\Dinamic\\Model\\Cliente;
            $customer = new Cliente();
            $customer->load('1');
            $db->beginTransaction();
            $customer->nombre = 'Phantom';
            $customer->save();
            $db->rollback();
            $customer->nombre = 'Eva';
            $customer->save();",
        );
        let all = events(&server).await.split_off(began);
        let mut told = types(&all);
        told.sort_unstable();
        let right = [
            "customer.updated",
            "invoice.created",
            "invoice.paid",
            "invoice.updated",
            "receipt.created",
            "receipt.paid",
        ];
        assert_eq!(told, right, "{engine:?}");
        let of = |kind: &str| all.iter().find(|event| event["event"] == kind).expect("an event")["data"].clone();
        assert_eq!(of("invoice.created")["object"]["lines"][0]["descripcion"], "Uno");
        assert_eq!(of("invoice.created")["object"]["total"], 84.7);
        assert_eq!(of("invoice.paid")["previous"], json!({"pagada": false}));
        assert_eq!(
            of("customer.updated")["previous"],
            json!({"nombre": "Ana"}),
            "{engine:?}: what was rolled back is not told"
        );
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
        assert_eq!(done.said, json!([[true, false, true, true, false, false, false], ["Ana"]]), "{engine:?}");
        assert_eq!((done.errors, done.logged.len()), (vec![], 5), "a hook that fails is told, and the save goes on");
        let all = events(&server).await;
        let mut told = types(&all);
        told.sort_unstable();
        assert_eq!(told, ["customer.created", "subscription.renewed"], "{engine:?}");
        let sent = all.iter().find(|event| event["event"] == "subscription.renewed").expect("it is told");
        assert_eq!(sent["data"], json!({"object": {"codcliente": "1"}}));
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
        let told = types(&all).into_iter().filter(|kind| kind.starts_with("user.")).collect::<Vec<_>>();
        assert_eq!(told, ["user.created", "user.login", "user.logout", "user.session_changed"], "{engine:?}");
    }
}

#[tokio::test]
async fn uninstalling_leaves_nothing_behind() {
    for engine in Engine::ALL {
        let erp = Erp::new(engine).await;
        erp.connect(&server().await).await;
        erp.request("$plugin->update(); $plugin->update();");
        erp.request("$plugin->uninstall();");
        let left = match engine {
            Engine::MariaDb => {
                "SELECT (SELECT COUNT(*) FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = DATABASE()) + \
                 (SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME LIKE 'gancho%' AND TABLE_NAME <> 'ganchoplugin_settings')"
            }
            Engine::Postgres => {
                "SELECT (SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal AND tgname LIKE 'gancho%') + \
                 (SELECT count(*) FROM pg_class WHERE relname LIKE 'gancho%' AND relname NOT LIKE 'ganchoplugin\\_settings%') + \
                 (SELECT count(*) FROM pg_proc WHERE proname LIKE 'gancho%')"
            }
        };
        assert_eq!(erp.database.number(left).await, 0, "{engine:?}");
        erp.database.run("INSERT INTO clientes (codcliente, nombre) VALUES ('1', 'Ana')").await;
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

#[tokio::test]
async fn a_row_that_can_never_be_taken_is_put_aside() {
    for engine in Engine::ALL {
        let erp = Erp::new(engine).await;
        let server = server().await;
        erp.connect(&server).await;
        erp.database.run("INSERT INTO clientes (codcliente, nombre) VALUES ('1', 'Ana')").await;
        let odd = match engine {
            Engine::MariaDb => {
                "INSERT INTO ganchoplugin_outbox (mark, conn, at, source, op, new_row) VALUES ('m', 1, UTC_TIMESTAMP(6), 'a.b', 'E', '[1]')"
            }
            Engine::Postgres => {
                "INSERT INTO ganchoplugin_outbox (id, mark, pid, tx, at, source, op, new_row) VALUES (9223372036854775000, 'm', 1, '1', now(), 'a.b', 'E', '[1]')"
            }
        };
        erp.database.run(odd).await;
        erp.database.run("INSERT INTO clientes (codcliente, nombre) VALUES ('2', 'Eva')").await;
        for _ in 0..5 {
            erp.request(NOTHING);
        }
        assert_eq!(erp.waiting().await, 0, "{engine:?}");
        assert_eq!(types(&events(&server).await), ["customer.created"; 2], "{engine:?}");
        let state = erp.request("return (new FacturaScripts\\Plugins\\Gancho\\Server\\Settings())->state();").said;
        assert!(state["refused"] == 1 && state["last_refused"].as_str().expect("why").contains("a.b"), "{state}");
    }
}

#[tokio::test]
async fn an_act_larger_than_a_look_is_one_event() {
    for engine in Engine::ALL {
        let erp = Erp::new(engine).await;
        let (by_plugin, by_database) = (server().await, server().await);
        erp.connect(&by_plugin).await;
        by_database.post("/sources", json!({"kind": "database", "name": "ERP", "url": erp.database.url}), 201).await;
        let lines: Vec<String> = (1..=1500).map(|n| format!("({n}, 7, 1)")).collect();
        let lines = format!("INSERT INTO lineasfacturascli (idlinea, idfactura, cantidad) VALUES {}", lines.join(", "));
        let header = "INSERT INTO facturascli (idfactura, codigo, total) VALUES (7, 'FAC7', 0)";
        let total = "UPDATE facturascli SET total = 84.7 WHERE idfactura = 7";
        erp.database.run(&format!("BEGIN; {header}; {lines}; {total}; COMMIT")).await;
        erp.database.drained().await;
        while erp.waiting().await > 0 {
            erp.request(NOTHING);
        }
        for server in [&by_plugin, &by_database] {
            let all = events(server).await;
            assert_eq!(types(&all), ["invoice.created"], "{engine:?}");
            let object = &all[0]["data"]["object"];
            assert_eq!((&object["total"], object["lines"].as_array().map(Vec::len)), (&json!(84.7), Some(1500)));
        }
    }
}

#[tokio::test]
async fn a_busy_table_is_for_the_next_time() {
    for engine in Engine::ALL {
        let erp = Erp::new(engine).await;
        let mut busy = erp.database.client().await;
        busy.run("BEGIN; SELECT COUNT(*) FROM clientes").await;
        let drop = match engine {
            Engine::MariaDb => "DROP TRIGGER ganchoplugin_i_stocks",
            Engine::Postgres => "DROP TRIGGER ganchoplugin_row ON stocks",
        };
        erp.database.run(drop).await;
        // Another plugin adds a column to the busy table: its trigger has to be made anew.
        let settings = "(new FacturaScripts\\Plugins\\Gancho\\Server\\Settings())";
        erp.request(&format!("$plugin->update(); {settings}->note(['seen' => 1]);"));
        let done = erp.request("$plugin->uninstall();");
        assert!(
            done.logged.iter().any(|line| line.as_str().is_some_and(|line| line.contains("in use"))),
            "{engine:?}: it says so"
        );
        // Nothing was taken away from under the triggers that stayed.
        erp.database.run("INSERT INTO productos (idproducto, referencia) VALUES (1, 'P')").await;
        busy.run("INSERT INTO clientes (codcliente, nombre) VALUES ('1', 'Ana'); COMMIT").await;
        erp.request("$plugin->update();");
        assert_eq!(erp.request(&format!("return {settings}->state();")).said["mode"], "triggers", "{engine:?}");
        let server = server().await;
        erp.connect(&server).await;
        erp.database.run("INSERT INTO clientes (codcliente, nombre) VALUES ('2', 'Eva')").await;
        erp.request(NOTHING);
        let told = events(&server).await;
        let eva = told.iter().filter(|event| event["data"]["object"]["nombre"] == "Eva").count();
        assert_eq!(eva, 1, "{engine:?}: once");
    }
}

/// An event that large is kept and not sent; what comes after it goes on.
#[tokio::test]
async fn a_huge_row_jams_nothing() {
    for engine in Engine::ALL {
        let erp = Erp::new(engine).await;
        let server = server().await;
        erp.connect(&server).await;
        let kind = if engine == Engine::MariaDb { "longtext" } else { "text" };
        erp.database.run(&format!("ALTER TABLE clientes ADD COLUMN memo {kind}")).await;
        erp.request("$plugin->update();");
        let huge = format!("INSERT INTO clientes (codcliente, memo) VALUES ('1', '{}')", "x".repeat(3 << 20));
        erp.database.run(&huge).await;
        erp.database.run("INSERT INTO clientes (codcliente, nombre) VALUES ('2', 'Ana')").await;
        erp.request(NOTHING);
        assert_eq!(erp.waiting().await, 0, "{engine:?}");
        assert_eq!(types(&events(&server).await), ["customer.created"; 2], "{engine:?}");
    }
}

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
                let status = done.said[0].as_u64().expect("a status") as u16;
                respond(status, done.said[1].as_str().expect("a body").to_owned())
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
