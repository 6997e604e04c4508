//! The plugin by itself after a year: a long log, and much that waits.

use gancho_testkit::{Engine, Receiver};

use crate::{
    erp_alone::ACTS,
    erp_plugin::{Erp, NOTHING},
};

/// Deliveries in the log.
const ROWS: u32 = 100_000;

/// Rows that a page may read: far from all.
const SOME: u64 = 6_000;

/// Rows that may be read after each answer of the ERP, and for each claim.
const FEW: u64 = 200;

/// PHP's `$alone`.
const ALONE: &str = "$settings = (new FacturaScripts\\Plugins\\Gancho\\Server\\Settings())->read($db);
    $alone = new FacturaScripts\\Plugins\\Gancho\\Webhook\\Alone($db, $settings);";

/// The ERP's cron comes to the plugin.
const CRON: &str = "(new FacturaScripts\\Plugins\\Gancho\\Cron('Gancho'))->run();";

/// As it is asked after each answer of the ERP.
const IS_DUE: &str = "return (new FacturaScripts\\Plugins\\Gancho\\Webhook\\Deliveries(new FacturaScripts\\Plugins\\Gancho\\Webhook\\Database($db), null))->isAnyDue(time() * 1000);";

/// As many events, each with a delivery and its attempt. One in fifty failed, one in a hundred waits; a webhook has ten.
fn filled(engine: Engine, often: &str, seldom: &str) -> String {
    let numbers = match engine {
        Engine::MariaDb => format!("(SELECT seq AS n FROM seq_1_to_{ROWS}) AS numbers"),
        Engine::Postgres => format!("generate_series(1, {ROWS}) AS numbers(n)"),
    };
    let sealed = "x".repeat(700);
    let state = "CASE WHEN n % 100 = 7 THEN 'pending' WHEN n % 50 = 3 THEN 'failed' ELSE 'delivered' END";
    let kind = "CASE WHEN n % 33333 = 5 THEN 'customer.deleted' ELSE 'invoice.updated' END";
    // In the year 2100: none of it is due.
    let later = 4_102_444_800_000_i64;
    format!(
        "INSERT INTO ganchoplugin_events (n, id, name, type, sealed, created_at)
            SELECT n, CONCAT('evt_', n), CONCAT('a-', n), {kind}, '{sealed}', 1750000000000 + n FROM {numbers};
        INSERT INTO ganchoplugin_deliveries (n, id, event, webhook, type, state, attempts, max_attempts, replayed, due_at, lease_until, last_at, created_at)
            SELECT n, CONCAT('dlv_', n), n, CASE WHEN n % 10000 = 9 THEN '{seldom}' ELSE '{often}' END, {kind}, {state}, 1, 6, 0, {later}, 0, n, 1750000000000 + n FROM {numbers};
        INSERT INTO ganchoplugin_attempts (delivery, at, sealed) SELECT n, n, '{sealed}' FROM {numbers};
        UPDATE ganchoplugin_meta SET value = '{ROWS}' WHERE name IN ('sequence', 'deliveries')"
    )
}

/// PHP's `$read()`: how many rows this connection's statements have read so far, in this transaction on PostgreSQL.
const READ: &str = "$read = fn() => (int)array_sum(array_column($db->type() === 'postgresql'
    ? $db->select('SELECT seq_tup_read + COALESCE(idx_tup_fetch, 0) AS n FROM pg_stat_xact_user_tables')
    : $db->select(\"SELECT VARIABLE_VALUE AS n FROM information_schema.SESSION_STATUS WHERE VARIABLE_NAME LIKE 'HANDLER_READ%' OR VARIABLE_NAME = 'HANDLER_ICP_ATTEMPTS'\"), 'n'));";

impl Erp {
    /// How many rows PHP's code makes the database read.
    #[track_caller]
    fn reads(&self, code: &str) -> u64 {
        let code = format!(
            "{READ} $db->beginTransaction(); $before = $read(); (function () use ($db) {{ {code} }})(); $rows = $read() - $before; $db->rollback(); return $rows;"
        );
        self.request(&code).returned.as_u64().expect("a number")
    }

    /// What the database does by itself sooner or later.
    async fn settled(&self) {
        let analyze = if self.database.engine == Engine::MariaDb { "ANALYZE TABLE" } else { "VACUUM ANALYZE" };
        for table in ["events", "deliveries", "attempts"] {
            self.database.run(&format!("{analyze} ganchoplugin_{table}")).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_log_is_not_read_as_a_whole() {
    for engine in Engine::ALL {
        let erp = Erp::new(engine).await;
        erp.alone();
        let receiver = Receiver::start().await;
        let (often, _) = erp.add_webhook(&receiver.url("/often"), "invoice.*");
        let (seldom, _) = erp.add_webhook(&receiver.url("/seldom"), "customer.*");
        erp.database.run(&filled(engine, &often, &seldom)).await;
        erp.settled().await;
        let failing_often = format!("['webhook' => '{often}', 'state' => 'failed']");
        let failing_seldom = format!("['webhook' => '{seldom}', 'state' => 'failed']");
        let queries = [
            "[]",
            "['state' => 'delivered']",
            "['state' => 'failed']",
            "['state' => 'pending']",
            "['state' => 'cancelled']",
            &failing_often,
            &failing_seldom,
            "['type' => 'customer.deleted']",
            "['type' => 'customer.deleted', 'state' => 'failed']",
            "['type' => 'invoice.updated', 'state' => 'failed']",
            "['type' => 'shop.opened']",
            "['before' => 50000, 'state' => 'failed']",
            "['id' => 'dlv_777']",
        ];
        for query in queries {
            let rows = erp.reads(&format!("return Page::ask('GanchoDeliveries', {query});"));
            assert!(rows < SOME, "{engine:?}: {query}: {rows} rows");
        }
        let message = format!("{ALONE} return $alone->deliveries->lastMessage('{often}');");
        for page in ["return Page::ask('GanchoWebhooks');", "return Page::ask('Gancho');", &message, IS_DUE] {
            let rows = erp.reads(page);
            assert!(rows < SOME, "{engine:?}: {page}: {rows} rows");
        }
        // A receiver that is down for days; a request of the ERP asks each time whether something is due.
        let claim = format!("{ALONE} $alone->deliveries->claim($alone->webhooks->all(), 16, time() * 1000, 30000);");
        for (due_at, failures) in [("4102444800000 - n", 0), ("n", 20)] {
            erp.database.run(&format!("UPDATE ganchoplugin_deliveries SET state = 'pending', due_at = {due_at}")).await;
            erp.database.run(&format!("UPDATE ganchoplugin_webhooks SET failures = {failures}")).await;
            erp.settled().await;
            for code in [IS_DUE, &claim] {
                let rows = erp.reads(code);
                assert!(rows < FEW, "{engine:?}: due at {due_at}: {rows} rows");
            }
        }
    }
}

/// As many customers in one transaction.
fn customers(rows: std::ops::Range<u32>) -> String {
    let values = rows.map(|n| format!("('{n}', 'Ana {n}', '2026-01-01')")).collect::<Vec<_>>();
    format!("INSERT INTO clientes (codcliente, nombre, fechaalta) VALUES {}", values.join(", "))
}

/// What the plugin takes behind a request is little: larger acts are cron's work. Where cron does not run, nobody waits for it.
#[tokio::test(flavor = "multi_thread")]
async fn large_acts_wait_for_cron_where_it_runs() {
    for engine in Engine::ALL {
        let erp = Erp::new(engine).await;
        erp.alone();
        let receiver = Receiver::start().await;
        erp.add_webhook(&receiver.url("/hook"), "shop.*");
        erp.act(&customers(0..300)).await;
        assert_eq!(erp.waiting().await, 0, "{engine:?}: cron never ran");
        erp.request(CRON);
        erp.act(&customers(300..500)).await;
        assert_eq!(erp.waiting().await, 0, "{engine:?}: 200 rows are no large act");
        erp.act(&customers(500..701)).await;
        assert_eq!(erp.waiting().await, 201, "{engine:?}: one row more is");
        let pushed =
            format!("{ALONE} return (new FacturaScripts\\Plugins\\Gancho\\Outbox\\Push($db, $settings))->run();");
        assert_eq!(erp.request(&pushed).returned, false, "{engine:?}: nobody is to look again at once");
        // Others do not wait behind it; what is about the same record keeps its order.
        erp.act("UPDATE clientes SET nombre = 'Eva' WHERE codcliente = '7'").await;
        assert_eq!(erp.waiting().await, 201, "{engine:?}: another customer's change goes");
        erp.act("UPDATE clientes SET nombre = 'Eva' WHERE codcliente = '600'").await;
        assert_eq!(erp.waiting().await, 202, "{engine:?}: not before it was made");
        erp.request(CRON);
        assert_eq!(erp.waiting().await, 0, "{engine:?}");
        erp.act(&customers(701..1000)).await;
        assert_eq!(erp.waiting().await, 299, "{engine:?}");
        erp.request(&format!("{ALONE} $settings->note(['cron_done_at' => time() - 4000]);"));
        erp.request(NOTHING);
        assert_eq!(erp.waiting().await, 0, "{engine:?}: cron came to no end for an hour");
    }
}

/// Switched off, the plugin takes what waits, however large it is: its outbox goes with it.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_left_to_cron_is_not_lost_when_the_plugin_is_switched_off() {
    let erp = Erp::new(Engine::MariaDb).await;
    erp.alone();
    let receiver = Receiver::start().await;
    erp.add_webhook(&receiver.url("/hook"), "customer.*");
    erp.request(CRON);
    erp.act(&customers(0..1500)).await;
    assert_eq!(erp.waiting().await, 1500);
    erp.request("$plugin->uninstall();");
    let kept = "return $alone->db->number('SELECT COUNT(*) AS n FROM ' . Tables::DELIVERIES);";
    assert_eq!(erp.with_alone(kept), 1500);
}

/// Nothing is left to a cron that could not take it: without the key it does nothing, and requests go on.
#[tokio::test(flavor = "multi_thread")]
async fn a_cron_without_the_key_is_left_nothing() {
    let erp = Erp::new(Engine::MariaDb).await;
    erp.alone();
    let done = || erp.request(&format!("{ALONE} return $settings->state()['cron_done_at'] ?? null;")).returned;
    let moved =
        |from: &str, to: &str| format!("$at = FS_FOLDER . '/MyFiles/Gancho/'; rename($at . '{from}', $at . '{to}');");
    erp.request(&format!("{} {CRON} {}", moved("key.php", "gone.php"), moved("gone.php", "key.php")));
    assert_eq!(done(), serde_json::Value::Null);
    erp.request(CRON);
    assert!(done().is_i64());
}

/// Half of shared hosting gives PHP 128 MB, most of which is the ERP's.
#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_rows_take_less_than_sixteen_megabytes() {
    const PEAK: &str =
        "register_shutdown_function(function () { file_put_contents(FS_FOLDER . '/peak', memory_get_peak_usage()); });";
    for engine in Engine::ALL {
        let erp = Erp::new(engine).await;
        erp.alone();
        let receiver = Receiver::start().await;
        erp.add_webhook(&receiver.url("/hook"), "invoice.*");
        erp.act(&customers(1..2)).await;
        let peak = || -> u64 {
            erp.request(PEAK);
            erp.request("return (int)file_get_contents(FS_FOLDER . '/peak');").returned.as_u64().expect("a number")
        };
        let idle = peak();
        let lines = (0..199).map(|n| format!("(1000 + {n}, 7, '{}', 2, 10)", "Una línea ".repeat(20)));
        let lines = lines.collect::<Vec<_>>().join(", ");
        let invoice = "INSERT INTO facturascli (idfactura, codigo, codcliente, total, pagada, vencida, idestado, fecha, hora) VALUES (7, 'FAC7', '1', 20, false, false, 10, '2026-11-24', '18:30:00')";
        let columns = "idlinea, idfactura, descripcion, cantidad, pvptotal";
        erp.database
            .run(&format!("BEGIN; {invoice}; INSERT INTO lineasfacturascli ({columns}) VALUES {lines}; COMMIT"))
            .await;
        let busy = peak();
        assert_eq!(receiver.wait_for(1).await[0].json()["data"]["object"]["lines"].as_array().map(Vec::len), Some(199));
        assert!(busy - idle < 16_000_000, "{engine:?}: {} bytes more", busy - idle);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_old_goes_and_what_waits_stays() {
    let erp = Erp::new(Engine::Postgres).await;
    erp.alone();
    let receiver = Receiver::start().await;
    let (paused, _) = erp.add_webhook(&receiver.url("/paused"), "customer.created");
    erp.add_webhook(&receiver.url("/hook"), "*");
    erp.with_alone(&format!(
        "$alone->webhooks->update($alone->webhooks->find('{paused}'), ['paused' => true], 'ana');"
    ));
    erp.act(ACTS[0]).await;
    erp.act("UPDATE clientes SET nombre = 'Eva' WHERE codcliente = '1'").await;
    assert_eq!(receiver.received().len(), 2);
    let count = "return $alone->db->number('SELECT COUNT(*) AS n FROM ' . Tables::EVENTS);";
    let clean = "(new FacturaScripts\\Plugins\\Gancho\\Webhook\\Retention($alone))->clean();";
    erp.with_alone(&format!(
        "$alone->db->run('UPDATE ' . Tables::EVENTS . ' SET created_at = created_at - 2678400000'); {clean}"
    ));
    assert_eq!(erp.with_alone(count), 1, "what a paused webhook waits for stays");
    erp.with_alone(&format!(
        "$alone->webhooks->update($alone->webhooks->find('{paused}'), ['paused' => false], 'ana');"
    ));
    erp.request(NOTHING);
    assert_eq!(receiver.received().len(), 3);
    erp.with_alone(clean);
    assert_eq!(erp.with_alone(count), 0);
}
