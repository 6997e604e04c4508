//! The outbox in an ERP's database: taken and removed, in order, each row once, none unseen.

use gancho_testkit::{Engine, Instance};

use crate::erp_database::{INVOICE, Stage, types};

#[tokio::test]
async fn a_late_commit_of_a_lower_id_is_not_lost() {
    for engine in Engine::ALL {
        let stage = Stage::set(engine).await;
        let mut late = stage.database.client().await;
        late.run("BEGIN; INSERT INTO proveedores (codproveedor, nombre) VALUES ('late', 'Late')").await;
        stage.database.run("INSERT INTO proveedores (codproveedor, nombre) VALUES ('early', 'Early')").await;
        assert_eq!(stage.events(1).await.len(), 1, "{engine:?}: nothing of what is not committed");
        late.run("COMMIT").await;
        let events = stage.events(2).await;
        assert_eq!(events[1]["data"]["object"]["codproveedor"], "late");
    }
}

#[tokio::test]
async fn what_can_not_be_removed_makes_no_second_event() {
    for engine in Engine::ALL {
        let stage = Stage::set(engine).await;
        // As if we crashed between taking and removing, again and again. A sequence counts on although
        // the statement fails.
        let (forbid, allow, tries) = match engine {
            Engine::MariaDb => (
                "CREATE SEQUENCE tries NOCACHE; CREATE TRIGGER keep_rows BEFORE DELETE ON gancho_outbox FOR EACH ROW \
                 BEGIN DO NEXTVAL(tries); SIGNAL SQLSTATE '45000'; END"
                    .to_owned(),
                "DROP TRIGGER keep_rows",
                "SELECT next_not_cached_value - 1 FROM tries",
            ),
            Engine::Postgres => (
                "CREATE SEQUENCE tries; CREATE FUNCTION keep_rows() RETURNS trigger LANGUAGE plpgsql AS \
                 'BEGIN PERFORM nextval(''tries''); RAISE EXCEPTION ''no''; END'; \
                 CREATE TRIGGER keep_rows BEFORE DELETE ON gancho_outbox FOR EACH ROW EXECUTE PROCEDURE keep_rows()"
                    .to_owned(),
                "DROP TRIGGER keep_rows ON gancho_outbox",
                "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM tries",
            ),
        };
        stage.database.run(&forbid).await;
        stage.database.run(INVOICE).await;
        stage.database.client().await.wait_until(tries, |tries| tries >= 3).await;
        let down = stage.server.wait_until(&stage.source, |source| source["state"] == "down").await;
        assert!(down["last_error"].as_str().is_some_and(|error| !error.is_empty()));
        stage.database.run(allow).await;
        stage.drained().await;
        assert_eq!(types(&stage.events(1).await), ["invoice.created"], "{engine:?}");
    }
}

/// In PostgreSQL a row's key is the time. An act whose clock is set back meanwhile is reported in its order all the same.
#[tokio::test]
async fn a_clock_that_is_set_back_does_not_turn_an_act_around() {
    let mut stage = Stage::set(Engine::Postgres).await;
    stage.server.kill().await;
    let back = "CREATE SEQUENCE back INCREMENT -1 START 1000 MAXVALUE 1000 MINVALUE 1; \
        ALTER TABLE gancho_outbox ALTER id SET DEFAULT nextval('back')";
    stage.database.run(back).await;
    let mut request = stage.database.client().await;
    request.run(INVOICE).await;
    request.run("UPDATE facturascli SET total = 90 WHERE idfactura = 7").await;
    request.close().await;
    stage.server.run().await;
    let events = stage.events(1).await;
    assert_eq!(types(&events), ["invoice.created"]);
    assert_eq!(events[0]["data"]["object"]["total"], 90);
}

/// Two connections may come upon the same key.
#[tokio::test]
async fn a_key_that_is_taken_costs_no_change() {
    let mut stage = Stage::set(Engine::Postgres).await;
    stage.server.kill().await;
    // Each key is given out twice.
    let twice = "CREATE SEQUENCE twice; ALTER TABLE gancho_outbox ALTER id SET DEFAULT nextval('twice') / 2";
    stage.database.run(twice).await;
    for n in 0..6 {
        stage.database.run(&format!("INSERT INTO proveedores (codproveedor, nombre) VALUES ('{n}', 'Eva')")).await;
    }
    assert_eq!(stage.database.number("SELECT COUNT(*) FROM gancho_outbox").await, 6);
    assert_eq!(stage.database.number("SELECT COUNT(*) FROM gancho_lost WHERE is_called").await, 0);
}

/// What waits is read once, however much it is: an owner's database has other things to do.
#[tokio::test]
async fn a_long_outbox_is_not_read_again_and_again() {
    const ROWS: i64 = 15_000;
    let database = Instance::shared(Engine::MariaDb).database().await;
    let name = &database.name;
    let account = format!(
        "CREATE USER {name}@'%' IDENTIFIED BY 'pw'; GRANT ALL ON {name}.* TO {name}@'%'; SET GLOBAL userstat = 1"
    );
    database.run(&account).await;
    let mut as_account = database.clone();
    as_account.url = database.url_as(name, "pw");
    let mut stage = Stage::of(as_account).await;
    stage.server.kill().await;
    let fill = format!(
        "INSERT INTO gancho_outbox (mark, conn, at, source, op, columns, new_row) SELECT seq, 1, \
         '2026-11-01' + INTERVAL seq SECOND, 'clientes', 'I', '[\"codcliente\"]', JSON_ARRAY(seq) FROM seq_1_to_{ROWS}"
    );
    database.run(&fill).await;
    stage.server.run().await;
    database.drained().await;
    let read =
        format!("SELECT CAST(ROWS_READ AS SIGNED) FROM information_schema.USER_STATISTICS WHERE USER = '{name}'");
    let read = database.number(&read).await;
    assert!((ROWS..ROWS * 4).contains(&read), "{read} rows were read");
}

#[tokio::test]
async fn a_row_that_can_not_be_read_is_counted() {
    for engine in Engine::ALL {
        let stage = Stage::set(engine).await;
        let broken = match engine {
            Engine::MariaDb => {
                "INSERT INTO gancho_outbox (mark, conn, at, source, op, columns, new_row) \
                 VALUES ('m', 1, UTC_TIMESTAMP(6), 'clientes', 'I', '[\"codcliente\"]', '[00005]')"
            }
            Engine::Postgres => "INSERT INTO gancho_outbox (source, op) VALUES ('clientes', 'INSERT')",
        };
        stage.database.run(broken).await;
        stage.drained().await;
        let reported = stage.server.wait_until(&stage.source, |source| !source["last_error"].is_null()).await;
        assert!(
            reported["last_error"].as_str().is_some_and(|error| error.contains("could not be written")),
            "{reported}"
        );
    }
}
