//! Sources of kind database are added, changed and removed: what is put into the ERP's database, what
//! is returned when that can't be.

use std::{
    collections::BTreeSet,
    io::{Read as _, Write as _},
};

use gancho_testkit::{Engine, ErpPhp, Instance};
use reqwest::Method;
use serde_json::json;

use crate::{
    command_line::run,
    erp_database::{INVOICE, Stage},
    server,
};

#[tokio::test]
async fn adding_again_is_harmless_and_removing_leaves_nothing() {
    for engine in Engine::ALL {
        let mut stage = Stage::set(engine).await;
        let body = json!({"kind": "database", "name": "Again", "url": stage.database.url});
        let again = stage.server.post("/sources", body.clone(), 200).await;
        assert!(stage.source.ends_with(again["id"].as_str().expect("an id")), "{engine:?}: the same source");
        one_database_has_one_source(&stage, engine).await;
        stage.database.run(INVOICE).await;
        assert_eq!(stage.events(1).await.len(), 1);
        assert_eq!(stage.server.call(Method::DELETE, &stage.source, None).await.status, 204);
        let left = match engine {
            Engine::MariaDb => {
                "SELECT (SELECT COUNT(*) FROM information_schema.TRIGGERS WHERE EVENT_OBJECT_SCHEMA = DATABASE()) + \
                 (SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME LIKE 'gancho%')"
            }
            Engine::Postgres => {
                "SELECT (SELECT COUNT(*) FROM pg_trigger WHERE NOT tgisinternal) + (SELECT COUNT(*) FROM pg_class \
                 WHERE relname LIKE 'gancho%') + (SELECT COUNT(*) FROM pg_proc WHERE proname LIKE 'gancho%')"
            }
        };
        assert_eq!(stage.database.number(left).await, 0, "{engine:?}");
        let dry = json!({"kind": "database", "name": "Dry", "url": stage.database.url, "dry_run": true});
        let plan = stage.server.post("/sources", dry, 200).await;
        assert!(plan["sql"].as_str().is_some_and(|sql| sql.contains("gancho_outbox") && sql.contains("facturascli")));
        let has_note = plan["sql"].as_str().is_some_and(|sql| sql.contains("-- And a table gancho_site"));
        assert_eq!(has_note, engine == Engine::MariaDb, "what only the running server can write");
        assert_eq!(stage.database.number(left).await, 0, "a dry run does nothing");
        stage.server.stop().await;
    }
}

/// A database may be reached by many addresses, and a source may be changed to another one's.
async fn one_database_has_one_source(stage: &Stage, engine: Engine) {
    let elsewhere = stage.database.url.replace("127.0.0.1", "localhost");
    assert_ne!(elsewhere, stage.database.url, "{engine:?}");
    let body = json!({"kind": "database", "name": "Elsewhere", "url": elsewhere});
    let same = stage.server.post("/sources", body, 200).await;
    assert!(stage.source.ends_with(same["id"].as_str().expect("an id")), "{engine:?}: by another address");
    let typed = ["source", "add", "database", "--url", &elsewhere, "--name", "Elsewhere"];
    let said = run(&stage.server, &typed, "").await.out;
    assert!(said.contains("connected already, as ERP:"), "{engine:?}: {said}");
    let fresh = Instance::shared(engine).database().await;
    let body = json!({"kind": "database", "name": "Other", "url": fresh.url});
    let other = stage.server.post("/sources", body, 201).await;
    let path = format!("/sources/{}", other["id"].as_str().expect("an id"));
    let answer = stage.server.call(Method::PATCH, &path, Some(json!({"url": stage.database.url}))).await;
    assert_eq!(answer.status, 422, "{engine:?}");
    assert_eq!(answer.body["errors"][0]["field"], "url");
    assert_eq!(stage.server.call(Method::DELETE, &path, None).await.status, 204);
}

/// An administrator changes the password of Gancho's account, and adds the database again with the new one.
#[tokio::test]
async fn a_changed_password_is_given_by_adding_the_database_again() {
    for engine in Engine::ALL {
        let stage = Stage::set(engine).await;
        let fresh = Instance::shared(engine).database().await;
        let user = format!("own_{}", fresh.name);
        let (make, change) = match engine {
            Engine::MariaDb => (
                format!("CREATE USER {user} IDENTIFIED BY 'old-one'; GRANT ALL ON {}.* TO {user}", fresh.name),
                format!("ALTER USER {user} IDENTIFIED BY 'new-one'"),
            ),
            Engine::Postgres => (granted(&user), format!("ALTER USER {user} PASSWORD 'new-one'")),
        };
        fresh.run(&make).await;
        let body = |password| json!({"kind": "database", "name": "Own", "url": fresh.url_as(&user, password)});
        let source = stage.server.post("/sources", body("old-one"), 201).await;
        fresh.run(&change).await;
        // The tests' PostgreSQL asks for no passwords.
        if engine == Engine::MariaDb {
            let refused = stage.server.post("/sources", body("old-one"), 422).await;
            assert!(refused.to_string().contains("password"), "{refused}");
        }
        let again = stage.server.post("/sources", body("new-one"), 200).await;
        assert_eq!(again["id"], source["id"], "{engine:?}: the same source");
        let path = format!("/sources/{}", source["id"].as_str().expect("an id"));
        let checked = stage.server.post(&format!("{path}/check"), json!({}), 200).await;
        assert_eq!(checked["ok"], true, "{engine:?}: {checked}");
        // With the rights that the page names, everything of ours can be removed, though the tables are another's.
        let removed = stage.server.call(Method::DELETE, &path, None).await;
        assert_eq!(removed.status, 204, "{engine:?}: {}", removed.body);
        let left = match engine {
            Engine::MariaDb => {
                "SELECT COUNT(*) FROM information_schema.TRIGGERS WHERE EVENT_OBJECT_SCHEMA = DATABASE()"
            }
            Engine::Postgres => "SELECT COUNT(*) FROM pg_proc WHERE proname LIKE 'gancho%'",
        };
        assert_eq!(fresh.number(left).await, 0, "{engine:?}");
    }
}

/// PostgreSQL's account with the rights that *Connect an ERP* names.
fn granted(user: &str) -> String {
    format!(
        "CREATE USER {user} PASSWORD 'old-one'; GRANT USAGE, CREATE ON SCHEMA public TO {user}; \
         GRANT SELECT, TRIGGER ON ALL TABLES IN SCHEMA public TO {user}"
    )
}

#[tokio::test]
async fn what_is_missing_is_said() {
    for engine in Engine::ALL {
        let stage = Stage::set(engine).await;
        let fresh = Instance::shared(engine).database().await;
        let user = format!("weak_{}", fresh.name);
        let make = match engine {
            Engine::MariaDb => {
                format!("CREATE USER {user} IDENTIFIED BY 'hushhush'; GRANT SELECT ON {}.* TO {user}", fresh.name)
            }
            Engine::Postgres => {
                format!("CREATE USER {user} PASSWORD 'hushhush'; GRANT SELECT ON ALL TABLES IN SCHEMA public TO {user}")
            }
        };
        fresh.run(&make).await;
        let url = fresh.url_as(&user, "hushhush");
        let refused = stage
            .server
            .call(Method::POST, "/sources", Some(json!({"kind": "database", "name": "x", "url": url})))
            .await;
        let returned = refused.body.to_string();
        assert_eq!(
            (refused.status, &refused.body["errors"][0]["field"]),
            (422, &json!("url")),
            "{engine:?} {returned}"
        );
        assert!(returned.contains("right is missing") && !returned.contains("hushhush"), "{returned}");
        for (url, part) in [
            ("mysql://root@127.0.0.1:1/erp".to_owned(), "can't connect to"),
            ("http://erp.example.com".to_owned(), "must be mysql://"),
            (stage.database.url.replace(&stage.database.name, "nothing"), "can't connect to"),
        ] {
            let body = json!({"kind": "database", "name": "x", "url": url});
            let refused = stage.server.call(Method::POST, "/sources", Some(body)).await;
            assert!(refused.status == 422 && refused.body.to_string().contains(part), "{url}: {}", refused.body);
        }
        let missing = json!({"kind": "database", "name": "x"});
        assert_eq!(stage.server.post("/sources", missing, 422).await["errors"][0]["field"], "url");
    }
}

/// The ERP asks its connection for the key that a new record got: our own rows must not answer.
#[tokio::test]
async fn the_erp_learns_the_keys_of_its_own_records() {
    for engine in Engine::ALL {
        let stage = Stage::set(engine).await;
        let insert = "INSERT INTO recibospagoscli (importe) VALUES (5)";
        let (ask, last) = match engine {
            Engine::MariaDb => {
                ("SELECT CAST(LAST_INSERT_ID() AS SIGNED)", "SELECT CAST(MAX(idrecibo) AS SIGNED) FROM recibospagoscli")
            }
            Engine::Postgres => ("SELECT lastval()", "SELECT MAX(idrecibo)::bigint FROM recibospagoscli"),
        };
        let mut client = stage.database.client().await;
        for outbox in ["there", "gone"] {
            if outbox == "gone" {
                stage.database.run("ALTER TABLE gancho_outbox RENAME TO gancho_away").await;
            }
            for _ in 0..3 {
                client.run(insert).await;
                let key = client.number(ask).await;
                assert_eq!(key, client.number(last).await, "{engine:?}, the outbox {outbox}");
            }
        }
    }
}

/// What listens there is no database, and never says a word: whoever filled in the form is not kept waiting for minutes.
#[tokio::test]
async fn a_port_that_never_speaks_is_given_up() {
    let server = server().await;
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("listens");
    let port = silent.local_addr().expect("its port").port();
    for scheme in ["mysql", "postgres"] {
        let url = format!("{scheme}://gancho:secret@127.0.0.1:{port}/erp");
        let source = json!({"kind": "database", "name": "ERP", "url": url});
        let answer = server.call(Method::POST, "/sources", Some(source)).await;
        assert!((400..500).contains(&answer.status), "{}", answer.body);
        assert!(
            answer.body.to_string().contains("answer") && !answer.body.to_string().contains("secret"),
            "{}",
            answer.body
        );
    }
    assert_eq!(server.get("/sources").await["data"], json!([]));
}

/// A tab that is closed, or a proxy that waits no longer.
#[tokio::test]
async fn a_removal_is_completed_though_its_client_goes_away() {
    let stage = Stage::set(Engine::Postgres).await;
    let mut erp = stage.database.client().await;
    erp.run("BEGIN; LOCK TABLE clientes").await;
    let address = stage.server.base().trim_start_matches("http://").to_owned();
    let request = format!(
        "DELETE /api/v1{} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer test-admin-token\r\n\r\n",
        stage.source
    );
    let mut client = std::net::TcpStream::connect(&address).expect("connects");
    client.write_all(request.as_bytes()).expect("sends");
    let waits = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    let waiting = async {
        while stage.database.number(waits).await == 0 {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(gancho_testkit::PATIENCE, waiting).await.expect("it waits for the ERP");
    client.shutdown(std::net::Shutdown::Write).expect("it goes away");
    client.set_read_timeout(Some(gancho_testkit::PATIENCE)).expect("a limit");
    let ended = client.read(&mut [0; 64]);
    assert!(matches!(ended, Ok(0)), "the server sees it and ends the connection, without an answer: {ended:?}");
    erp.run("COMMIT").await;
    stage.server.wait_until("/sources", |list| list["data"].as_array().is_some_and(Vec::is_empty)).await;
    let triggers = "SELECT COUNT(*) FROM pg_trigger WHERE tgname LIKE 'gancho%'";
    assert_eq!(stage.database.number(triggers).await, 0);
}

/// On shared hosting a MariaDB holds hundreds of databases: what is asked of the catalogue about one opens no table of the
/// others, which would take seconds for each question.
#[tokio::test]
async fn no_question_about_tables_looks_into_other_databases() {
    let instance = Instance::start(Engine::MariaDb);
    let database = instance.database().await;
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("log");
    database.run(&format!("SET GLOBAL general_log_file = '{}'; SET GLOBAL general_log = 1", log.display())).await;
    let stage = Stage::of(database).await;
    stage.well().await;
    // Triggers outside the plan are removed, by each of the two ways.
    let surplus = |kind| format!("CREATE TRIGGER {kind}_x AFTER INSERT ON clientes FOR EACH ROW BEGIN END");
    let count = |kind| {
        format!(
            "SELECT COUNT(*) FROM information_schema.TRIGGERS WHERE EVENT_OBJECT_SCHEMA = DATABASE() AND TRIGGER_NAME = '{kind}_x'"
        )
    };
    stage.database.run(&surplus("gancho")).await;
    stage.database.run(&surplus("ganchoplugin")).await;
    let removed = async {
        while stage.database.number(&count("gancho")).await > 0 {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(gancho_testkit::PATIENCE, removed).await.expect("it is removed");
    ErpPhp::install(&stage.database);
    assert_eq!(stage.database.number(&count("ganchoplugin")).await, 0, "the plugin's too");
    let log = std::fs::read_to_string(&log).expect("the log is written");
    let questions: BTreeSet<&str> = log
        .lines()
        .filter_map(|line| line.split_once("Execute\t").or_else(|| line.split_once("Query\t")))
        .map(|(_, statement)| statement)
        .filter(|statement| statement.starts_with("SELECT") && statement.contains("information_schema"))
        .collect();
    assert!(questions.iter().filter(|one| one.contains("TRIGGERS")).count() >= 2, "of both ways: {questions:?}");
    for question in questions {
        let plan = stage.database.plan(question);
        assert!(!plan.contains("Scanned all databases"), "{question}\n{plan}");
    }
}
