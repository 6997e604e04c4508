//! The ERP's plugin when something goes wrong: the ERP goes on, nothing is lost, nothing is jammed.

use gancho_testkit::{Engine, Receiver, Respond};
use serde_json::json;

use crate::{
    erp_database::types,
    erp_plugin::{Erp, NOTHING, events, server},
};

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
            let state =
                erp.request("return (new FacturaScripts\\Plugins\\Gancho\\Server\\Settings())->state();").returned;
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
    let code = "use FacturaScripts\\Plugins\\Gancho\\{Outbox\\Install, Outbox\\Payload, Server\\Client, Server\\Settings};
        $settings = (new Settings())->read($db);
        return Client::source($settings)->call('POST', 'outbox', Payload::at($db, $settings, (new Install($db, $settings))->plan(), 200))->body['taken'];";
    assert_eq!(erp.request(code).returned.as_array().map(Vec::len), Some(1));
    erp.request(NOTHING);
    assert_eq!(erp.waiting().await, 0);
    assert_eq!(types(&events(&server).await), ["customer.created"]);
}

#[tokio::test]
async fn uninstalling_leaves_nothing_behind() {
    for engine in Engine::ALL {
        let erp = Erp::new(engine).await;
        erp.connect(&server().await).await;
        erp.request("$plugin->update(); $plugin->update();");
        erp.database.run("CREATE TABLE cronjobs (id integer, jobname varchar(20), pluginname varchar(20))").await;
        erp.database.run("INSERT INTO cronjobs VALUES (1, 'gancho-mend', 'Gancho'), (2, 'other', 'Other')").await;
        erp.request("$plugin->uninstall();");
        assert_eq!(erp.database.number("SELECT COUNT(*) FROM cronjobs").await, 1, "{engine:?}: others' jobs stay");
        // Whoever was still at work when it was switched off puts nothing back.
        erp.request("use FacturaScripts\\Plugins\\Gancho\\{Outbox\\Install, Server\\Settings}; (new Install($db, (new Settings())->read($db)))->mend(); return null;");
        erp.database.run("INSERT INTO clientes (codcliente, nombre) VALUES ('9', 'Eva')").await;
        let left = match engine {
            Engine::MariaDb => {
                "SELECT (SELECT COUNT(*) FROM information_schema.TRIGGERS WHERE EVENT_OBJECT_SCHEMA = DATABASE()) + \
                 (SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME LIKE 'gancho%')"
            }
            Engine::Postgres => {
                "SELECT (SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal AND tgname LIKE 'gancho%') + \
                 (SELECT count(*) FROM pg_class WHERE relname LIKE 'gancho%') + \
                 (SELECT count(*) FROM pg_proc WHERE proname LIKE 'gancho%')"
            }
        };
        assert_eq!(erp.database.number(left).await, 0, "{engine:?}");
        erp.database.run("INSERT INTO clientes (codcliente, nombre) VALUES ('1', 'Ana')").await;
    }
}

/// A shop that switches the plugin off for an hour may keep the address and the keys.
#[tokio::test]
async fn the_keys_stay_where_she_keeps_them() {
    for engine in Engine::ALL {
        let erp = Erp::new(engine).await;
        let server = server().await;
        erp.connect(&server).await;
        let settings = "(new FacturaScripts\\Plugins\\Gancho\\Server\\Settings())";
        erp.request(&format!("{settings}->save($db, ['keep' => '1']); $plugin->uninstall();"));
        erp.request("$plugin->update();");
        erp.database.run("INSERT INTO clientes (codcliente, nombre) VALUES ('1', 'Ana')").await;
        erp.request(NOTHING);
        assert_eq!(types(&events(&server).await), ["customer.created"], "{engine:?}");
    }
}

/// The ERP notes in a file which tables it has looked at: after another plugin came, it looks at them anew.
#[tokio::test]
async fn a_column_of_another_plugin_is_heard_from_its_first_change_on() {
    for engine in Engine::ALL {
        let erp = Erp::new(engine).await;
        let server = server().await;
        erp.connect(&server).await;
        erp.database.run("INSERT INTO clientes (codcliente, nombre) VALUES ('1', 'Ana')").await;
        erp.request(NOTHING);
        erp.request(
            "$db->exec('ALTER TABLE clientes ADD COLUMN plug timestamp NULL');
            file_put_contents(FS_FOLDER . '/MyFiles/db-updater.json', '[\"clientes\"]'); return null;",
        );
        erp.database.run("UPDATE clientes SET plug = '2026-07-24 10:00:00' WHERE codcliente = '1'").await;
        erp.request(NOTHING);
        let events = events(&server).await;
        assert_eq!(types(&events), ["customer.created", "customer.updated"], "{engine:?}");
        assert_eq!(events[1]["data"]["object"]["plug"], "2026-07-24T10:00:00+02:00", "{engine:?}");
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
                "INSERT INTO ganchoplugin_outbox (id, source, op, new_row) VALUES (9223372036854775000, 'a.b', 'E', '[1]')"
            }
        };
        erp.database.run(odd).await;
        erp.database.run("INSERT INTO clientes (codcliente, nombre) VALUES ('2', 'Eva')").await;
        for _ in 0..5 {
            erp.request(NOTHING);
        }
        assert_eq!(erp.waiting().await, 0, "{engine:?}");
        assert_eq!(types(&events(&server).await), ["customer.created"; 2], "{engine:?}");
        let state = erp.request("return (new FacturaScripts\\Plugins\\Gancho\\Server\\Settings())->state();").returned;
        assert!(state["refused"] == 1 && state["last_refused"].as_str().expect("why").contains("a.b"), "{state}");
    }
}

#[tokio::test]
async fn a_row_that_can_not_be_read_is_counted() {
    for engine in Engine::ALL {
        let erp = Erp::new(engine).await;
        let server = server().await;
        erp.connect(&server).await;
        let broken = match engine {
            Engine::MariaDb => {
                "INSERT INTO ganchoplugin_outbox (mark, conn, at, source, op, columns, new_row) \
                 VALUES ('m', 1, UTC_TIMESTAMP(6), 'clientes', 'I', '[\"codcliente\"]', '[1, 2]')"
            }
            Engine::Postgres => "INSERT INTO ganchoplugin_outbox (source, op) VALUES ('clientes', 'INSERT')",
        };
        erp.database.run(broken).await;
        erp.request(NOTHING);
        assert_eq!(erp.waiting().await, 0, "{engine:?}");
        let lost = "return FacturaScripts\\Plugins\\Gancho\\Outbox\\Engine::of($db)->lost();";
        assert_eq!(erp.request(lost).returned, 1, "{engine:?}");
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

/// On a slow machine a hand-over has time for one look: a large act is handed over all the same.
#[tokio::test]
async fn a_large_act_gets_through_one_look_at_a_time() {
    for engine in Engine::ALL {
        let (erp, server) = (Erp::new(engine).await, server().await);
        erp.connect(&server).await;
        let rows: Vec<String> = (1..=1500).map(|n| format!("({n}, 7, 1)")).collect();
        let lines = format!("INSERT INTO lineasfacturascli (idlinea, idfactura, cantidad) VALUES {}", rows.join(", "));
        let header = "INSERT INTO facturascli (idfactura, codigo, total) VALUES (7, 'FAC7', 10)";
        erp.database.run(&format!("BEGIN; {header}; {lines}; COMMIT")).await;
        let looks = "use FacturaScripts\\Plugins\\Gancho\\{Outbox\\Push, Server\\Settings};
            $waiting = fn() => (int)$db->select('SELECT COUNT(*) AS n FROM ganchoplugin_outbox')[0]['n'];
            for ($n = 0; $n < 50 && $waiting() > 0; $n++) {
                (new Push($db, (new Settings())->read($db), 0.0))->run();
                usleep(100000);
            }
            return $waiting();";
        assert_eq!(erp.request(looks).returned, 0, "{engine:?}");
        assert_eq!(types(&events(&server).await), ["invoice.created"], "{engine:?}");
    }
}

#[tokio::test]
async fn a_busy_table_is_for_the_next_time() {
    for engine in Engine::ALL {
        let erp = Erp::new(engine).await;
        let drop = match engine {
            Engine::MariaDb => "DROP TRIGGER ganchoplugin_i_clientes",
            Engine::Postgres => "DROP TRIGGER ganchoplugin_row ON clientes",
        };
        erp.database.run(drop).await;
        let mut busy = erp.database.client().await;
        busy.run("BEGIN; UPDATE clientes SET nombre = nombre; UPDATE proveedores SET nombre = nombre").await;
        let settings = "(new FacturaScripts\\Plugins\\Gancho\\Server\\Settings())";
        let state = erp.refusable(&format!("$plugin->update(); return {settings}->state();")).returned;
        assert_eq!(state["mode"], "triggers", "{engine:?}: a lock is no missing right");
        assert!(state["install_error"].as_str().is_some_and(|name| name.contains("clientes")), "{engine:?}: {state}");
        let done = erp.refusable("$plugin->uninstall();");
        assert!(
            done.logged.iter().any(|line| line.as_str().is_some_and(|line| line.contains("gancho-left"))),
            "{engine:?}: it says so"
        );
        let sql = erp.request("return file_get_contents(FS_FOLDER . '/MyFiles/Gancho/remove.sql');").returned;
        assert!(
            sql.as_str().is_some_and(|sql| sql.contains("DROP TRIGGER") && sql.contains("clientes")),
            "{engine:?}: {sql}"
        );
        // Nothing was taken away from under the triggers that stayed.
        erp.database.run("INSERT INTO productos (idproducto, referencia) VALUES (1, 'P')").await;
        busy.run("INSERT INTO clientes (codcliente, nombre) VALUES ('1', 'Ana'); COMMIT").await;
        erp.request("$plugin->update();");
        assert_eq!(erp.request(&format!("return {settings}->state();")).returned["mode"], "triggers", "{engine:?}");
        let server = server().await;
        erp.connect(&server).await;
        erp.database.run("INSERT INTO clientes (codcliente, nombre) VALUES ('2', 'Eva')").await;
        erp.request(NOTHING);
        let reported = events(&server).await;
        let eva = reported.iter().filter(|event| event["data"]["object"]["nombre"] == "Eva").count();
        assert_eq!(eva, 1, "{engine:?}: once");
    }
}

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
        // One request has two seconds for it: what does not fit into them goes with the next.
        let began = tokio::time::Instant::now();
        while erp.waiting().await > 0 && began.elapsed() < gancho_testkit::PATIENCE {
            erp.request("(new FacturaScripts\\Plugins\\Gancho\\Server\\Settings())->note(['next_at' => 0]);");
        }
        assert_eq!(erp.waiting().await, 0, "{engine:?}");
        assert_eq!(types(&events(&server).await), ["customer.created"; 2], "{engine:?}");
    }
}

/// What the owner of the shop reads when Gancho does not take what it is sent: her language, and what to do.
#[tokio::test(flavor = "multi_thread")]
async fn why_nothing_goes_is_said_in_the_owner_s_language() {
    let erp = Erp::new(Engine::MariaDb).await;
    let server = server().await;
    let elsewhere = Receiver::with(|_| Respond::status(200)).await;
    let wrong = format!("gnc_{}", "x".repeat(40));
    for (url, returned) in [
        ("http://127.0.0.1:1/gancho?key=S3CRET".to_owned(), "nadie responde en http://127.0.0.1:1. ¿"),
        ("http://no-such-host.invalid".to_owned(), "no existe ese nombre en la red: http://no-such-host.invalid."),
        (server.base().to_owned(), "no reconoce la clave"),
        (elsewhere.url(""), "no es Gancho"),
    ] {
        erp.point_at(&url, &wrong);
        let code = "use FacturaScripts\\Plugins\\Gancho\\Server\\{Client, Settings};
            return Client::source((new Settings())->read($db))->call('POST', 'outbox', (object)[])->sentence();";
        let sentence = erp.request(code).returned;
        let sentence = sentence.as_str().expect("a sentence");
        assert!(sentence.contains(returned) && !sentence.contains("S3CRET"), "{url}: {sentence}");
    }
}

/// Both languages have the same words.
#[test]
fn the_plugin_speaks_both_languages() {
    let words = |language: &str| -> Vec<String> {
        let file = format!("{}/../../plugin/Gancho/Translation/{language}.json", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(file).expect("a file");
        let words: std::collections::BTreeMap<String, String> = serde_json::from_str(&text).expect("JSON");
        words.into_keys().collect()
    };
    assert_eq!(words("es_ES"), words("en_EN"));
}

/// Who switches on and who switches off at the same moment: all of it is there, or nothing.
#[tokio::test]
async fn switching_on_and_off_exclude_each_other() {
    for engine in Engine::ALL {
        let erp = Erp::new(engine).await;
        let triggers = match engine {
            Engine::MariaDb => {
                "SELECT COUNT(*) FROM information_schema.TRIGGERS WHERE EVENT_OBJECT_SCHEMA = DATABASE()"
            }
            Engine::Postgres => "SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal AND tgname LIKE 'gancho%'",
        };
        let all = erp.database.number(triggers).await;
        assert!(all > 0);
        for ms in [0, 20, 60, 120, 200] {
            erp.request("$plugin->uninstall();");
            std::thread::scope(|scope| {
                scope.spawn(|| erp.request("$plugin->update();"));
                std::thread::sleep(std::time::Duration::from_millis(ms));
                erp.request("$plugin->uninstall();");
            });
            let is_off =
                erp.request("return (new FacturaScripts\\Plugins\\Gancho\\Server\\Settings())->isOff();").returned;
            let left = erp.database.number(triggers).await;
            assert_eq!(left, if is_off == true { 0 } else { all }, "{engine:?}, {ms} ms");
        }
    }
}
