//! Sources of kind database: real MariaDB and PostgreSQL, each with tables like the ERP's.

use gancho_testkit::{Database, Engine, Instance, Server, ServerOptions};
use serde_json::{Value, json};

use crate::BINARY;

/// An invoice as the ERP writes one: first without lines and total.
pub const INVOICE: &str = "BEGIN; \
    INSERT INTO facturascli (idfactura, codigo, codcliente, total, pagada, vencida, idestado, fecha, hora) \
        VALUES (7, 'FAC7', '1', 0, false, false, 10, '2026-11-24', '18:30:00'); \
    INSERT INTO lineasfacturascli (idlinea, idfactura, descripcion, cantidad, pvptotal) VALUES (1, 7, 'O&#39;Neill', 1, 70); \
    INSERT INTO lineasfacturascli (idlinea, idfactura, descripcion, cantidad, pvptotal) VALUES (2, 7, 'Dos', 2, 14.7); \
    UPDATE facturascli SET total = 84.7 WHERE idfactura = 7; \
    UPDATE clientes SET riesgoalcanzado = 84.7 WHERE codcliente = '1'; COMMIT";

/// A server that hears a database.
pub struct Stage {
    pub server: Server,
    pub database: Database,
    /// `/sources/src_…`
    pub source: String,
}

impl Stage {
    pub async fn set(engine: Engine) -> Self {
        let database = Instance::shared(engine).database().await;
        database.run("INSERT INTO clientes (codcliente, nombre, fechaalta) VALUES ('1', 'Ana', '2026-01-01')").await;
        Self::of(database).await
    }

    pub async fn of(database: Database) -> Self {
        let options = ServerOptions::default().env("GANCHO_SOURCE_MEND_S", 1).env("GANCHO_LOG_LEVEL", "error");
        let server = Server::start(BINARY, options).await;
        let source =
            server.post("/sources", json!({"kind": "database", "name": "ERP", "url": database.url}), 201).await;
        let source = format!("/sources/{}", source["id"].as_str().expect("an id"));
        Self { server, database, source }
    }

    /// The events, once nothing waits any more and at least so many came.
    pub async fn events(&self, least: usize) -> Vec<Value> {
        let all = |page: &Value| page["data"].as_array().cloned().unwrap_or_default();
        let page = self.server.wait_until("/events?limit=500", |page| all(page).len() >= least).await;
        let began = all(&page).len();
        self.drained().await;
        let events = all(&self.server.get("/events?limit=500").await);
        assert!(events.len() >= began);
        events
    }

    /// Waits until everything of ours is as it should be.
    pub async fn well(&self) {
        let check = format!("{}/check", self.source);
        let began = tokio::time::Instant::now();
        loop {
            let found = self.server.post(&check, json!({}), 200).await;
            if found["ok"] == true {
                return;
            }
            assert!(began.elapsed() < gancho_testkit::PATIENCE, "not repaired by itself: {found}");
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    }

    /// Waits until the outbox is empty.
    pub async fn drained(&self) {
        self.database.drained().await;
    }
}

pub fn types(events: &[Value]) -> Vec<&str> {
    events.iter().filter_map(|event| event["event"].as_str()).collect()
}

#[tokio::test]
async fn an_invoice_is_one_event_with_its_lines() {
    let mut seen = vec![];
    for engine in Engine::ALL {
        let stage = Stage::set(engine).await;
        stage.database.run(INVOICE).await;
        let events = stage.events(1).await;
        assert_eq!(types(&events), ["invoice.created"], "{engine:?}: the customer's risk is no news");
        let object = events[0]["data"]["object"].clone();
        assert_eq!((&object["total"], &object["pagada"]), (&json!(84.7), &json!(false)));
        assert_eq!((&object["fecha"], &object["hora"]), (&json!("2026-11-24"), &json!("18:30:00")));
        assert_eq!(object["lines"][0]["descripcion"], "O'Neill");
        assert_eq!(object["lines"][1]["pvptotal"], 14.7);
        seen.push(object);
    }
    assert_eq!(seen[0], seen[1], "one shape, whichever engine");
}

#[tokio::test]
async fn raw_sql_and_lines_are_seen_and_what_is_rolled_back_is_not() {
    for engine in Engine::ALL {
        let stage = Stage::set(engine).await;
        stage.database.run(INVOICE).await;
        stage.events(1).await;
        stage.database.run("BEGIN; UPDATE facturascli SET total = 1 WHERE idfactura = 7; ROLLBACK").await;
        stage.database.run("UPDATE facturascli SET pagada = true WHERE idfactura = 7").await;
        stage.events(3).await;
        stage.database.run("UPDATE lineasfacturascli SET cantidad = 5 WHERE idlinea = 2").await;
        stage.events(4).await;
        stage.database.run("UPDATE clientes SET nombre = 'ana' WHERE codcliente = '1'").await;
        let events = stage.events(5).await;
        let all = ["invoice.created", "invoice.updated", "invoice.paid", "invoice.updated", "customer.updated"];
        assert_eq!(types(&events), all, "{engine:?}");
        assert_eq!(events[1]["data"]["previous"], json!({"pagada": false}));
        let (object, previous) = (&events[3]["data"]["object"], &events[3]["data"]["previous"]);
        assert_eq!((&object["lines"][1]["cantidad"], &previous["lines"][1]["cantidad"]), (&json!(5), &json!(2)));
        assert_eq!(object["lines"].as_array().map(Vec::len), Some(2), "all lines, not only the one that changed");
        assert_eq!(previous.as_object().map(serde_json::Map::len), Some(1));
        assert_eq!(events[4]["data"]["previous"], json!({"nombre": "Ana"}), "capitals are a change");
    }
}

/// EVENTS rule 5: what is no news alone is none beside news either.
#[tokio::test]
async fn what_is_no_news_does_not_stand_among_what_was_before() {
    let mut seen = vec![];
    for engine in Engine::ALL {
        let stage = Stage::set(engine).await;
        stage.database.run(INVOICE).await;
        stage.events(1).await;
        stage.database.run("UPDATE facturascli SET idasiento = 5, numdocs = 1, total = 90 WHERE idfactura = 7").await;
        let events = stage.events(2).await;
        assert_eq!(events[1]["data"]["previous"], json!({"total": 84.7}), "{engine:?}");
        assert_eq!(events[1]["data"]["object"]["idasiento"], 5);
        seen.push(events[1]["data"].clone());
    }
    assert_eq!(seen[0], seen[1]);
}

/// Columns that the ERP derives, such as a line's part in the stock, make no event of their own; events show their
/// latest value.
#[tokio::test]
async fn what_is_derived_at_last_is_told_as_it_is() {
    let mut seen = vec![];
    for engine in Engine::ALL {
        let stage = Stage::set(engine).await;
        let refund = "BEGIN; INSERT INTO facturascli (idfactura, codigo, codcliente, total, pagada, vencida, fecha, hora) \
                VALUES (8, 'FAC8', '1', -10, false, false, '2026-11-24', '18:30:00'); \
            INSERT INTO lineasfacturascli (idlinea, idfactura, descripcion, cantidad, actualizastock) VALUES (5, 8, 'Uno', -1, -1); \
            UPDATE lineasfacturascli SET actualizastock = 0 WHERE idlinea = 5; \
            UPDATE facturascli SET idasiento = 77 WHERE idfactura = 8; COMMIT";
        stage.database.run(refund).await;
        let events = stage.events(1).await;
        assert_eq!(types(&events), ["invoice.created"], "{engine:?}");
        let object = &events[0]["data"]["object"];
        assert_eq!(
            (&object["lines"][0]["actualizastock"], &object["idasiento"]),
            (&json!(0), &json!(77)),
            "{engine:?}"
        );
        stage.database.run("UPDATE lineasfacturascli SET actualizastock = -1 WHERE idlinea = 5").await;
        let act = "BEGIN; UPDATE lineasfacturascli SET cantidad = -2 WHERE idlinea = 5; \
            UPDATE lineasfacturascli SET servido = 1 WHERE idlinea = 5; COMMIT";
        stage.database.run(act).await;
        let data = stage.events(2).await[1]["data"].clone();
        let line = &data["object"]["lines"][0];
        assert_eq!((&line["servido"], &line["actualizastock"]), (&json!(1), &json!(-1)), "{engine:?}");
        assert!(data["previous"]["lines"][0].get("servido").is_none(), "{engine:?}: {data}");
        seen.push((object.clone(), data));
    }
    assert_eq!(seen[0], seen[1]);
}

#[tokio::test]
async fn acts_of_different_requests_stay_apart_however_late_they_are_read() {
    for engine in Engine::ALL {
        let mut stage = Stage::set(engine).await;
        stage.server.kill().await;
        stage.database.run(INVOICE).await;
        stage.database.run("UPDATE facturascli SET observaciones = 'x' WHERE idfactura = 7").await;
        stage
            .database
            .run("DELETE FROM lineasfacturascli WHERE idfactura = 7; DELETE FROM facturascli WHERE idfactura = 7")
            .await;
        stage.server.run().await;
        let events = stage.events(3).await;
        assert_eq!(types(&events), ["invoice.created", "invoice.updated", "invoice.deleted"], "{engine:?}");
        assert_eq!(events[0]["data"]["object"]["lines"].as_array().map(Vec::len), Some(2), "those of its own act");
        assert_eq!(events[2]["data"]["object"]["lines"].as_array().map(Vec::len), Some(2), "those that went with it");
    }
}

#[tokio::test]
async fn cascades_count_on_both_engines() {
    let mut seen = vec![];
    for engine in Engine::ALL {
        let stage = Stage::set(engine).await;
        let rows = "INSERT INTO productos (idproducto, referencia) VALUES (1, 'P'); \
            INSERT INTO variantes (idvariante, idproducto, referencia) VALUES (1, 1, 'P'); \
            INSERT INTO contactos (idcontacto, codcliente, nombre) VALUES (1, '1', 'Ana'); \
            INSERT INTO users (nick, email) VALUES ('eva', 'eva@example.com'); \
            INSERT INTO roles (codrole, descripcion) VALUES ('caja', 'Caja'); \
            INSERT INTO roles_users (id, codrole, nick) VALUES (1, 'caja', 'eva')";
        stage.database.run(rows).await;
        let before = stage.events(5).await.len();
        for delete in ["productos WHERE idproducto = 1", "clientes WHERE codcliente = '1'", "users WHERE nick = 'eva'"]
        {
            stage.database.run(&format!("DELETE FROM {delete}")).await;
            stage.drained().await;
        }
        let events = stage.events(before + 6).await.split_off(before);
        let all = [
            "product.deleted",
            "product_variant.deleted",
            "customer.deleted",
            "contact.updated",
            "user.deleted",
            "user.permissions_changed",
        ];
        assert_eq!(types(&events), all, "{engine:?}");
        assert_eq!(events[3]["data"]["previous"], json!({"codcliente": "1"}));
        assert_eq!(events[5]["data"]["object"]["email"], "eva@example.com", "whose roles they were is still known");
        seen.push(events.into_iter().map(|event| event["data"].clone()).collect::<Vec<_>>());
    }
    assert_eq!(seen[0], seen[1]);
}

#[tokio::test]
async fn secrets_never_enter_the_outbox() {
    for engine in Engine::ALL {
        let mut stage = Stage::set(engine).await;
        stage.server.kill().await;
        let user = "INSERT INTO users (nick, password, logkey, two_factor_secret_key) VALUES ('eva', 'hush1', 'hush2', 'hush3')";
        stage.database.run(user).await;
        stage.database.run("UPDATE users SET password = 'hush4' WHERE nick = 'eva'").await;
        stage.database.run("UPDATE users SET logkey = 'hush5' WHERE nick = 'eva'").await;
        let leaks = "SELECT COUNT(*) FROM gancho_outbox WHERE old_row LIKE '%hush%' OR new_row LIKE '%hush%'";
        let leaks = if engine == Engine::Postgres { leaks.replace("_row", "_row::text") } else { leaks.into() };
        assert_eq!(stage.database.number("SELECT COUNT(*) FROM gancho_outbox").await, 3);
        assert_eq!(stage.database.number(&leaks).await, 0, "{engine:?}");
        stage.server.run().await;
        let events = stage.events(3).await;
        assert_eq!(types(&events), ["user.created", "user.updated", "user.session_changed"], "{engine:?}");
        assert_eq!(events[1]["data"]["changed"], json!(["password"]));
        assert!(!json!(events).to_string().contains("hush"));
    }
}

#[tokio::test]
async fn a_dropped_trigger_and_a_new_column_are_mended() {
    for engine in Engine::ALL {
        let stage = Stage::set(engine).await;
        let drop = match engine {
            Engine::MariaDb => "DROP TRIGGER gancho_u_clientes",
            Engine::Postgres => "DROP TRIGGER gancho_row ON clientes",
        };
        stage.database.run(&format!("{drop}; ALTER TABLE clientes ADD COLUMN fidelidad integer")).await;
        stage.well().await;
        stage.database.run("UPDATE clientes SET fidelidad = 3 WHERE codcliente = '1'").await;
        let events = stage.events(1).await;
        assert_eq!(events[0]["data"]["object"]["fidelidad"], 3, "{engine:?}");
        assert_eq!(events[0]["data"]["previous"], json!({"fidelidad": null}));
    }
}

#[tokio::test]
async fn a_secret_that_came_since_is_left_out_before_the_tables_are_looked_at_again() {
    for engine in Engine::ALL {
        let mut stage = Stage::set(engine).await;
        stage.server.kill().await;
        stage.database.run("ALTER TABLE clientes ADD COLUMN portal_password varchar(50)").await;
        stage
            .database
            .run("UPDATE clientes SET nombre = 'Eva', portal_password = 'hush1' WHERE codcliente = '1'")
            .await;
        stage.database.run("INSERT INTO clientes (codcliente, portal_password) VALUES ('2', 'hush2')").await;
        let leaks = "SELECT COUNT(*) FROM gancho_outbox WHERE old_row LIKE '%hush%' OR new_row LIKE '%hush%'";
        let leaks = if engine == Engine::Postgres { leaks.replace("_row", "_row::text") } else { leaks.into() };
        assert_eq!(stage.database.number("SELECT COUNT(*) FROM gancho_outbox").await, 2);
        assert_eq!(stage.database.number(&leaks).await, 0, "{engine:?}");
        stage.server.run().await;
        let events = stage.events(2).await;
        assert_eq!(types(&events), ["customer.updated", "customer.created"], "{engine:?}");
        assert_eq!(events[0]["data"]["object"]["nombre"], "Eva");
    }
}

#[tokio::test]
async fn the_erp_comes_first() {
    for engine in Engine::ALL {
        let mut stage = Stage::set(engine).await;
        stage.server.kill().await;
        stage.database.run("DROP TABLE gancho_outbox").await;
        stage.database.run(INVOICE).await;
        assert_eq!(
            stage.database.number("SELECT COUNT(*) FROM lineasfacturascli").await,
            2,
            "{engine:?}: all is saved"
        );
        stage.server.run().await;
        let reported = stage.server.wait_until(&stage.source, |source| !source["last_error"].is_null()).await;
        assert!(
            reported["last_error"].as_str().is_some_and(|error| error.contains("could not be written")),
            "{reported}"
        );
        let check = stage.server.post(&format!("{}/check", stage.source), json!({}), 200).await;
        let lost = check["checks"].as_array().and_then(|all| all.iter().find(|line| line["name"] == "lost")).cloned();
        assert_eq!(lost.expect("a line")["ok"], false);
        // From here on it is heard again.
        stage.database.run("UPDATE facturascli SET pagada = true WHERE idfactura = 7").await;
        assert_eq!(types(&stage.events(2).await), ["invoice.updated", "invoice.paid"]);
    }
}

#[tokio::test]
async fn a_database_that_goes_and_comes_back_is_heard_again() {
    for engine in Engine::ALL {
        let (sender, receiver) = std::sync::mpsc::channel();
        let (go_on, wait) = std::sync::mpsc::channel::<&str>();
        // The server dies with the thread that started it.
        let owner = std::thread::spawn(move || {
            let mut instance = Instance::start(engine);
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            sender.send(runtime.block_on(instance.database())).expect("somebody waits");
            while let Ok(order) = wait.recv() {
                match order {
                    "stop" => instance.kill(),
                    _ => instance.run(),
                }
            }
        });
        let stage = Stage::of(receiver.recv().expect("a database")).await;
        stage.database.run("INSERT INTO clientes (codcliente, nombre) VALUES ('1', 'Ana')").await;
        stage.events(1).await;
        go_on.send("stop").expect("it listens");
        let down = stage.server.wait_until(&stage.source, |source| source["state"] == "down").await;
        assert!(down["last_error"].is_string(), "{down}");
        go_on.send("run").expect("it listens");
        stage.server.wait_until(&stage.source, |source| source["state"] == "ok").await;
        stage.database.run(INVOICE).await;
        let events = stage.events(2).await;
        assert_eq!(types(&events), ["customer.created", "invoice.created"], "{engine:?}");
        assert!(stage.server.get(&stage.source).await["last_error"].is_null());
        drop(go_on);
        owner.join().expect("it ends");
    }
}

/// Many requests of the ERP at once, on the same rows, while the outbox is emptied: none of them
/// fails because of us, and every one is reported.
#[tokio::test]
async fn many_requests_at_once_all_succeed_and_are_all_told() {
    const REQUESTS: i64 = 15;
    for engine in Engine::ALL {
        let stage = Stage::set(engine).await;
        let mut writers = vec![];
        for writer in 0..8_i64 {
            let database = stage.database.clone();
            writers.push(tokio::spawn(async move {
                for n in 0..REQUESTS {
                    let (id, line) = (writer * 1000 + n + 1, (writer * 1000 + n) * 2 + 1);
                    let mut client = database.client().await;
                    let request = format!(
                        "BEGIN; UPDATE clientes SET riesgoalcanzado = {id} WHERE codcliente = '1'; \
                         INSERT INTO facturascli (idfactura, codcliente, total) VALUES ({id}, '1', 0); \
                         INSERT INTO lineasfacturascli (idlinea, idfactura, cantidad) VALUES ({line}, {id}, 1); \
                         INSERT INTO lineasfacturascli (idlinea, idfactura, cantidad) VALUES ({line} + 1, {id}, 1); \
                         UPDATE facturascli SET total = 10 WHERE idfactura = {id}; COMMIT"
                    );
                    client.run(&request).await;
                    client.close().await;
                }
            }));
        }
        for writer in writers {
            writer.await.expect("no request failed");
        }
        let least = usize::try_from(8 * REQUESTS).expect("small");
        let events = stage.events(least).await;
        let ids: std::collections::HashSet<i64> =
            events.iter().filter_map(|event| event["data"]["object"]["idfactura"].as_i64()).collect();
        assert_eq!((events.len(), ids.len()), (least, least), "{engine:?}: each once");
        assert!(events.iter().all(|event| event["data"]["object"]["lines"].as_array().map(Vec::len) == Some(2)));
        let lost = match engine {
            Engine::MariaDb => "SELECT CAST(COUNT(*) AS SIGNED) FROM gancho_lost",
            Engine::Postgres => "SELECT count(*) FROM gancho_lost WHERE is_called",
        };
        assert_eq!(stage.database.number(lost).await, 0);
    }
}
