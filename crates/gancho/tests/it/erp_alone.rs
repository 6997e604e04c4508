//! The plugin by itself: real PHP makes the events and sends them, without a server of ours.

use std::collections::BTreeMap;

use gancho_receiver::{Secret, sign};
use gancho_testkit::{Engine, Received, Receiver, Respond};
use serde_json::{Value, json};

use crate::{
    erp_database::INVOICE,
    erp_plugin::{Erp, NOTHING, server},
};

/// Names of the plugin's classes.
const USE: &str = "use FacturaScripts\\Plugins\\Gancho\\{Webhook\\Alone, Webhook\\Tables, Webhook\\Refused, Server\\Settings, Outbox\\Engine};
    $settings = (new Settings())->read($db);";

/// What users do, one request of the ERP each.
const ACTS: &[&str] = &[
    "INSERT INTO clientes (codcliente, nombre, fechaalta) VALUES ('1', 'Ana', '2026-01-01')",
    INVOICE,
    "UPDATE lineasfacturascli SET cantidad = 5 WHERE idlinea = 2",
    "UPDATE facturascli SET pagada = true WHERE idfactura = 7",
    "UPDATE clientes SET nombre = 'Ana &quot;la&quot; Pe&#39;ña' WHERE codcliente = '1'",
    "INSERT INTO users (nick, enabled, password, logkey) VALUES ('luis', true, 'S3CRET', 'S3CRET')",
    "UPDATE users SET password = 'S3CRET2' WHERE nick = 'luis'",
    "BEGIN; DELETE FROM lineasfacturascli WHERE idfactura = 7; DELETE FROM facturascli WHERE idfactura = 7; COMMIT",
];

impl Erp {
    /// Sends by itself from now on.
    pub fn alone(&self) {
        self.request(&format!("{USE} $settings->save($db, ['way' => 'alone', 'allow_hosts' => '127.0.0.1']); new Alone($db, $settings, true);"));
    }

    /// Runs code that has `$alone`.
    #[track_caller]
    fn with_alone(&self, code: &str) -> Value {
        self.request(&format!("{USE} $alone = new Alone($db, $settings); {code}")).returned
    }

    /// Adds a webhook; returns its id and secret.
    #[track_caller]
    fn add_webhook(&self, url: &str, events: &str) -> (String, String) {
        let added = self.with_alone(&format!(
            "$webhook = $alone->webhooks->add(['url' => '{url}', 'events' => '{events}'], 'ana'); return [$webhook->id, $webhook->sealed['secret']];"
        ));
        let text = |place: usize| added[place].as_str().expect("a text").to_owned();
        (text(0), text(1))
    }

    async fn act(&self, act: &str) {
        self.database.run(act).await;
        self.request(NOTHING);
    }
}

/// The body without what differs each time: its id and its source.
fn told(received: &Received) -> String {
    let body = String::from_utf8(received.body.to_vec()).expect("UTF-8");
    let (before, rest) = body.split_once("\"event\"").expect("a body");
    assert!(
        before.starts_with("{\"id\":\"evt_") && before.len() == "{\"id\":\"evt_01j00000000000000000000000\",".len(),
        "{before}"
    );
    let created = rest.find(",\"created\"").expect("its time");
    let data = rest.find(",\"data\"").expect("its data");
    let source = rest.rfind(",\"source\":\"src_").expect("its source");
    rest[..created].to_owned() + &rest[data..source] + &rest[source + ",\"source\":\"src_".len() + 26..]
}

/// Names of the header fields, and the values of those that don't differ each time.
fn fields(received: &Received) -> BTreeMap<String, String> {
    let differ = [
        "x-webhook-id",
        "x-webhook-timestamp",
        "x-webhook-signature",
        "webhook-id",
        "webhook-timestamp",
        "webhook-signature",
        "host",
        "content-length",
        // Each says its own version.
        "user-agent",
    ];
    let value =
        |name: &str| if differ.contains(&name) { "differs".to_owned() } else { received.header(name).to_owned() };
    received.headers.keys().map(|name| (name.as_str().to_owned(), value(name.as_str()))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn it_sends_what_a_server_would_send() {
    for engine in Engine::ALL {
        let (with_server, alone) = (Erp::new(engine).await, Erp::new(engine).await);
        let (by_server, by_itself) = (Receiver::start().await, Receiver::start().await);
        let server = server().await;
        with_server.connect(&server).await;
        let endpoint = json!({"url": by_server.url("/hook"), "events": ["*"], "max_in_flight": 1});
        server.post("/endpoints", endpoint, 201).await;
        alone.alone();
        let (_, secret) = alone.add_webhook(&by_itself.url("/hook"), "*");
        for act in ACTS {
            with_server.act(act).await;
            alone.act(act).await;
            let right = by_itself.received().len();
            by_server.wait_for(right).await;
        }
        let in_order = |mut all: Vec<Received>| {
            all.sort_by_key(|one| one.header("x-webhook-sequence").parse::<u64>().expect("a number"));
            all
        };
        let (theirs, ours) = (in_order(by_server.received()), in_order(by_itself.received()));
        assert!(ours.len() > 8, "{}", ours.len());
        let bodies = |all: &[Received]| all.iter().map(told).collect::<Vec<_>>();
        assert_eq!(bodies(&ours), bodies(&theirs), "{engine:?}");
        assert!(!bodies(&ours).concat().contains("S3CRET"));
        for (n, (one, their)) in ours.iter().zip(&theirs).enumerate() {
            assert_eq!(fields(one), fields(their));
            assert_eq!(one.header("x-webhook-sequence"), (n + 1).to_string());
            let (secret, at) =
                (Secret::new(secret.as_str()), one.header("webhook-timestamp").parse().expect("seconds"));
            assert_eq!(one.header("x-webhook-signature"), sign::plain(&secret, &one.body));
            assert_eq!(
                Some(one.header("webhook-signature").to_owned()),
                sign::standard(&secret, one.id(), at, &one.body)
            );
        }
        assert_eq!(alone.waiting().await, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_is_tried_again_and_shown() {
    let erp = Erp::new(Engine::MariaDb).await;
    erp.alone();
    let receiver = Receiver::with(|_| Respond::status(500)).await;
    let (id, _) = erp.add_webhook(&receiver.url("/hook"), "customer.*");
    erp.act(ACTS[0]).await;
    assert_eq!(receiver.received().len(), 1);
    let shown = "$page = $alone->deliveries->page([]); return [count($page), $page[0]['state'], (int)$page[0]['attempts'], (int)$page[0]['due_at'] - (int)$page[0]['last_at'],
        $page[0]['label'], $alone->deliveries->attempts($page[0])];";
    let page = erp.with_alone(shown);
    assert_eq!(
        (&page[0], &page[1], &page[2], &page[4]),
        (&json!(1), &json!("pending"), &json!(1), &json!("Ana")),
        "{page}"
    );
    assert!(page[3].as_i64() >= Some(5_000) && page[3].as_i64() < Some(16_000), "{page}");
    assert_eq!((&page[5][0]["status"], &page[5][0]["kind"]), (&json!(500), &json!("status")));
    let sent: BTreeMap<&str, &str> = page[5][0]["sent"]
        .as_array()
        .expect("fields")
        .iter()
        .map(|field| (field[0].as_str().expect("a name"), field[1].as_str().expect("a value")))
        .collect();
    assert_eq!(sent["x-webhook-signature"], "***");
    // Not before it is due.
    erp.request(NOTHING);
    assert_eq!(receiver.received().len(), 1);
    receiver.behave(|_| Respond::status(200));
    erp.with_alone(&format!("$alone->deliveries->retryNow('{id}');"));
    assert_eq!(receiver.received().len(), 2, "at the end of the request that asked for it");
    assert_eq!(receiver.received()[1].header("x-webhook-attempt"), "2");
    assert_eq!(receiver.received()[1].id(), receiver.received()[0].id());
    assert_eq!(erp.with_alone(shown)[1], "delivered");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_webhook_is_probed_and_flows_again() {
    let erp = Erp::new(Engine::Postgres).await;
    erp.alone();
    let receiver = Receiver::with(|_| Respond::status(503)).await;
    let (id, _) = erp.add_webhook(&receiver.url("/hook"), "customer.*");
    let well = Receiver::start().await;
    erp.add_webhook(&well.url("/hook"), "customer.*");
    for n in 0..15 {
        erp.act(&format!("INSERT INTO clientes (codcliente, nombre, fechaalta) VALUES ('{n}', 'Ana', '2026-01-01')"))
            .await;
    }
    let tried = receiver.received().len();
    assert!((10..15).contains(&tried), "ten failures in a row, then a probe now and then: {tried}");
    assert_eq!(well.received().len(), 15, "the other one is not held up");
    let state = format!(
        "return [$alone->webhooks->find('{id}')->state(), $alone->webhooks->find('{id}')->health['failures']];"
    );
    assert_eq!(erp.with_alone(&state)[0], "failing");
    receiver.behave(|_| Respond::status(200));
    erp.with_alone(&format!("$alone->deliveries->retryNow('{id}');"));
    erp.request(NOTHING);
    let received = receiver.received();
    assert_eq!(
        received.iter().map(Received::id).collect::<std::collections::HashSet<_>>().len(),
        15,
        "everything arrived"
    );
    assert_eq!(erp.with_alone(&state)[0], "ok");
    receiver.behave(|_| Respond::status(410));
    erp.act("INSERT INTO clientes (codcliente, nombre, fechaalta) VALUES ('99', 'Ana', '2026-01-01')").await;
    assert_eq!(erp.with_alone(&state)[0], "disabled");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_in_its_tables_can_be_read_without_the_key() {
    let erp = Erp::new(Engine::MariaDb).await;
    erp.alone();
    let receiver = Receiver::with(|_| Respond { body: "T0P-ANSWER".into(), ..Respond::status(500) }).await;
    let (_, secret) = erp.add_webhook(&receiver.url("/hook/T0P-PATH"), "*");
    erp.act("INSERT INTO clientes (codcliente, nombre, fechaalta) VALUES ('1', 'T0P-NAME', '2026-01-01')").await;
    erp.act("INSERT INTO users (nick, enabled, email) VALUES ('luis', true, 'T0P-MAIL')").await;
    assert!(!receiver.received().is_empty());
    let dump = erp.with_alone(
        "$all = ''; foreach (['meta', 'webhooks', 'events', 'deliveries', 'attempts', 'known', 'history'] as $table) {
            foreach ($db->select('SELECT * FROM ganchoplugin_' . $table) as $row) { $all .= implode(' ', $row); }
        } return $all;",
    );
    let dump = dump.as_str().expect("a text");
    assert!(dump.len() > 1_000 && !dump.contains("T0P-") && !dump.contains(&secret), "{dump}");
    let key = "return [fileperms(FS_FOLDER . '/MyFiles/Gancho/key.php') & 0777, strlen(include FS_FOLDER . '/MyFiles/Gancho/key.php')];";
    assert_eq!(erp.request(key).returned, json!([0o600, 44]));
    // Without it nothing is lost and nothing half done: it waits, and says why.
    erp.request("rename(FS_FOLDER . '/MyFiles/Gancho/key.php', FS_FOLDER . '/MyFiles/Gancho/away.php');");
    let before = receiver.received().len();
    erp.act("INSERT INTO clientes (codcliente, nombre, fechaalta) VALUES ('2', 'Eva', '2026-01-01')").await;
    assert_eq!((receiver.received().len(), erp.waiting().await), (before, 1));
    let state = erp.request(&format!("{USE} return $settings->state()['last_error'];")).returned;
    assert!(state.as_str().is_some_and(|error| error.contains("key.php")), "{state}");
    receiver.behave(|_| Respond::status(200));
    erp.request("rename(FS_FOLDER . '/MyFiles/Gancho/away.php', FS_FOLDER . '/MyFiles/Gancho/key.php'); (new FacturaScripts\\Plugins\\Gancho\\Server\\Settings())->note(['next_at' => 0]);");
    assert_eq!(erp.waiting().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_that_are_not_to_be_called_are_refused() {
    let erp = Erp::new(Engine::MariaDb).await;
    erp.alone();
    let refused = |url: &str| {
        erp.with_alone(&format!(
            "try {{ $alone->webhooks->add(['url' => '{url}', 'events' => '*'], 'ana'); return 'taken'; }} catch (Refused $error) {{ return $error->text; }}"
        ))
    };
    for (url, why) in [
        ("http://10.0.0.1/", "gancho-url-refused"),
        ("http://[::1]/", "gancho-url-refused"),
        ("http://[::ffff:127.0.0.2]/", "gancho-url-refused"),
        ("http://[64:ff9b::a00:1]/", "gancho-url-refused"),
        ("http://169.254.169.254/latest", "gancho-url-refused"),
        ("http://2130706433/", "gancho-url-host"),
        ("http://0x7f.1/", "gancho-url-host"),
        ("http://127.1/", "gancho-url-host"),
        ("http://0177.0.0.1/", "gancho-url-host"),
        ("http://localhost./", "gancho-url-host"),
        ("http://user:pass@example.com/", "gancho-url-credentials"),
        ("http://example.com\\@10.0.0.1/", "gancho-url-form"),
        ("http://example.com/#x", "gancho-url-fragment"),
        ("ftp://example.com/", "gancho-url-scheme"),
        ("javascript:alert(1)", "gancho-url-scheme"),
        ("http://exämple.com/", "gancho-url-form"),
        ("http://example.com:70000/", "gancho-url-host"),
        ("example.com", "gancho-url-form"),
        ("", "gancho-url-form"),
    ] {
        assert_eq!(refused(&url.replace('\\', "\\\\")), why, "{url}");
    }
    for url in ["https://example.com", "http://127.0.0.1:9/x?y=1", "https://EXAMPLE.com:8443/a%20b"] {
        assert_eq!(refused(url), "taken", "{url}");
    }
    // A name that leads there is found out when it is called.
    let receiver = Receiver::start().await;
    let port = receiver.url("/").rsplit(':').next().expect("a port").trim_end_matches('/').to_owned();
    erp.add_webhook(&format!("http://localhost:{port}/hook"), "customer.*");
    erp.act(ACTS[0]).await;
    let errors =
        erp.with_alone("return array_column($alone->deliveries->page(['type' => 'customer.created']), 'last_error');");
    assert!(errors.as_array().expect("a list").contains(&json!("blocked")), "{errors}");
    assert_eq!(receiver.received().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn patterns_and_fields_are_checked() {
    let erp = Erp::new(Engine::MariaDb).await;
    erp.alone();
    let refused = |fields: &str| {
        erp.with_alone(&format!(
            "try {{ $alone->webhooks->add({fields} + ['url' => 'https://example.com', 'events' => '*'], 'ana'); return 'taken'; }}
            catch (Refused $error) {{ return [$error->field, $error->text, $error->facts['%nearest%'] ?? '']; }}"
        ))
    };
    assert_eq!(refused("['events' => 'invoice.payed']"), json!(["events", "gancho-events-unknown", "invoice.paid"]));
    assert_eq!(refused("['events' => '']")[1], "gancho-events-none");
    assert_eq!(refused("['events' => 'Invoice.*']")[1], "gancho-events-bad");
    assert_eq!(refused("['events' => 'sub.renewed, invoice.*, *.deleted']"), "taken");
    assert_eq!(refused("['secret' => 'short']")[1], "gancho-secret-bad");
    assert_eq!(refused("['headers' => ['X-Webhook-Id' => 'x']]")[1], "gancho-headers-bad");
    assert_eq!(refused("['headers' => ['Host' => 'x']]")[1], "gancho-headers-bad");
    assert_eq!(refused("['headers' => ['X-A' => \"b\\r\\nHost: c\"]]")[1], "gancho-headers-bad");
    assert_eq!(refused("['headers' => ['X-A' => 'b']]"), "taken");
    assert_eq!(refused("['colour' => 'red']")[1], "gancho-field-unknown");
    let headers = erp.with_alone(
        "$one = $alone->webhooks->add(['url' => 'https://example.com/a', 'events' => '*', 'headers' => ['X-Key' => 'T0P']], 'ana');
        $alone->webhooks->update($one, ['url' => 'https://example.com/b'], 'ana');
        $kept = count($alone->webhooks->find($one->id)->sealed['headers']);
        $alone->webhooks->update($one, ['url' => 'https://example.org/b'], 'ana');
        return [$kept, count($alone->webhooks->find($one->id)->sealed['headers'])];",
    );
    assert_eq!(headers, json!([1, 0]), "secrets do not follow an address");
}

/// PHP may be killed at any moment. `GANCHO_TEST_KILLS` of them, in the long tests a thousand.
#[tokio::test(flavor = "multi_thread")]
async fn whatever_kills_php_loses_nothing_and_leaves_nothing_stuck() {
    let kills: u64 = std::env::var("GANCHO_TEST_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(25);
    for engine in Engine::ALL {
        let erp = Erp::new(engine).await;
        erp.alone();
        let receiver = Receiver::start().await;
        erp.add_webhook(&receiver.url("/hook"), "customer.created");
        for n in 0..kills {
            erp.database
                .run(&format!(
                    "INSERT INTO clientes (codcliente, nombre, fechaalta) VALUES ('{n}', 'Ana', '2026-01-01')"
                ))
                .await;
            // PHP takes some 40 ms to begin; a request some 150 in all.
            erp.kill_after(NOTHING, std::time::Duration::from_millis(20 + n * 37 % 180));
        }
        // Whoever was killed holds what it had claimed until its lease ends.
        erp.with_alone("$alone->db->run('UPDATE ' . Tables::DELIVERIES . ' SET lease_until = 0');");
        erp.request(NOTHING);
        let told: Vec<String> = receiver
            .received()
            .iter()
            .map(|one| one.json()["data"]["object"]["codcliente"].as_str().expect("a code").to_owned())
            .collect();
        let codes: std::collections::BTreeSet<&String> = told.iter().collect();
        assert_eq!(codes.len() as u64, kills, "{engine:?}: each customer was told");
        let ids: std::collections::BTreeSet<String> =
            receiver.received().iter().map(|one| one.id().to_owned()).collect();
        assert_eq!(ids.len() as u64, kills, "{engine:?}: each by one event");
        assert_eq!(erp.waiting().await, 0);
        let states = erp.with_alone("return array_column($alone->db->rows('SELECT state, COUNT(*) AS n FROM ' . Tables::DELIVERIES . ' GROUP BY state'), 'n', 'state');");
        assert_eq!(states["delivered"].to_string().trim_matches('"'), kills.to_string(), "{states}");
        let sequences = erp.with_alone("return [$alone->tables->get('sequence'), $alone->db->number('SELECT COUNT(*) AS n FROM ' . Tables::EVENTS)];");
        assert_eq!(sequences[0].as_str(), Some(sequences[1].to_string().as_str()), "no holes");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn several_processes_at_once_tell_each_act_once() {
    let erp = std::sync::Arc::new(Erp::new(Engine::MariaDb).await);
    erp.alone();
    let receiver = Receiver::start().await;
    erp.add_webhook(&receiver.url("/hook"), "customer.created");
    for n in 0..30 {
        erp.database
            .run(&format!("INSERT INTO clientes (codcliente, nombre, fechaalta) VALUES ('{n}', 'Ana', '2026-01-01')"))
            .await;
    }
    // Without the lock of the folder, as on two machines.
    let code = "for ($n = 0; $n < 5; $n++) { (new FacturaScripts\\Plugins\\Gancho\\Webhook\\Round($db, $settings, microtime(true) + 1))->run(); }";
    let together: Vec<_> = (0..4)
        .map(|_| {
            let erp = erp.clone();
            tokio::task::spawn_blocking(move || erp.refusable(&format!("{USE} {code}")))
        })
        .collect();
    for one in together {
        one.await.expect("it ends");
    }
    erp.request(NOTHING);
    let ids: Vec<String> = receiver.wait_for(30).await.iter().map(|one| one.id().to_owned()).collect();
    assert_eq!((ids.len(), ids.iter().collect::<std::collections::HashSet<_>>().len()), (30, 30));
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

/// The ERP's API, by its own form and permissions; what is not to be written is refused, what is secret is shown once.
#[tokio::test(flavor = "multi_thread")]
async fn webhooks_are_managed_over_the_erp_s_api() {
    let erp = Erp::new(Engine::MariaDb).await;
    erp.alone();
    let call = |method: &str, resource: &str, id: &str, fields: &str| -> (u64, Value) {
        let answer = erp.with_alone(&format!(
            "return (new FacturaScripts\\Plugins\\Gancho\\Webhook\\Api($alone, 'api'))->answer('{method}', '{resource}', '{id}', {fields}, []);"
        ));
        (answer[0].as_u64().expect("a status"), answer[1].clone())
    };
    let (status, added) = call(
        "POST",
        "ganchowebhooks",
        "",
        "['url' => 'https://example.com/T0P', 'events' => 'invoice.*, customer.created', 'headers' => '{\"X-A\": \"T0P\"}']",
    );
    assert_eq!(
        (status, &added["data"]["url"], &added["data"]["events"]),
        (200, &json!("https://example.com/T0P"), &json!(["invoice.*", "customer.created"]))
    );
    assert!(added["data"]["secret"].as_str().is_some_and(|secret| secret.starts_with("whsec_")), "{added}");
    let id = added["data"]["id"].as_str().expect("an id").to_owned();
    let (_, listed) = call("GET", "ganchowebhooks", "", "[]");
    assert!(
        listed[0]["id"] == id.as_str() && !listed.to_string().contains("T0P") && !listed.to_string().contains("whsec_"),
        "{listed}"
    );
    for hidden in ["id", "sealed", "failures", "reason", "created_at", "mailed", "n"] {
        let (status, refused) = call(
            "POST",
            "ganchowebhooks",
            "",
            &format!("['url' => 'https://example.com', 'events' => '*', '{hidden}' => '{id}']"),
        );
        assert_eq!((status, &refused["field"]), (400, &json!(hidden)), "{refused}");
        assert_eq!(call("PUT", "ganchowebhooks", &id, &format!("['{hidden}' => 'x']")).0, 400);
    }
    assert_eq!(call("PUT", "ganchowebhooks", &id, "['enabled' => 'maybe']").1["field"], "enabled");
    assert_eq!(
        call("PUT", "ganchowebhooks", &id, "['paused' => '1', 'name' => 'Tienda']").1["data"]["state"],
        "paused"
    );
    assert_eq!(call("GET", "ganchowebhooks", &id, "[]").1["name"], "Tienda");
    assert_eq!(call("GET", "ganchowebhooks", "ep_none", "[]").0, 404);
    for (method, resource, id) in [
        ("POST", "ganchoevents", ""),
        ("DELETE", "ganchoevents", "evt_1"),
        ("PUT", "ganchodeliveries", "dlv_1"),
        ("POST", "ganchodeliveries", ""),
        ("DELETE", "ganchowebhooks", ""),
        ("PUT", "ganchowebhooks", ""),
        ("POST", "ganchowebhooks", "ep_1"),
    ] {
        assert_eq!(call(method, resource, id, "[]").0, 405, "{method} {resource}");
    }
    erp.act(ACTS[0]).await;
    let (_, deliveries) = call("GET", "ganchodeliveries", "", "[]");
    assert_eq!((&deliveries[0]["event"], &deliveries[0]["state"]), (&json!("customer.created"), &json!("pending")));
    let (_, delivery) = call("GET", "ganchodeliveries", deliveries[0]["id"].as_str().expect("an id"), "[]");
    assert_eq!(delivery["body"]["data"]["object"]["nombre"], "Ana");
    assert_eq!(call("GET", "ganchoevents", "", "[]").1[0]["sequence"], 1);
    assert_eq!(call("DELETE", "ganchowebhooks", &id, "[]").0, 200);
    assert_eq!(call("GET", "ganchowebhooks", "", "[]").1, json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn administrators_are_told_once_of_an_outage() {
    let erp = Erp::new(Engine::MariaDb).await;
    erp.database
        .run("INSERT INTO users (nick, enabled, admin, email) VALUES ('jefa', true, true, 'jefa@example.com')")
        .await;
    erp.alone();
    let receiver = Receiver::with(|_| Respond::status(500)).await;
    let (id, _) = erp.add_webhook(&receiver.url("/hook"), "customer.*");
    erp.database.run(ACTS[0]).await;
    // The mail is sent after the answer: the request itself knows nothing of it.
    let round = format!(
        "{USE} (new FacturaScripts\\Plugins\\Gancho\\Webhook\\Round($db, $settings, microtime(true) + 1))->run();"
    );
    let mails = |logged: Vec<Value>| {
        logged
            .iter()
            .filter_map(Value::as_str)
            .filter(|line| line.starts_with("mail:"))
            .map(ToOwned::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        mails(erp.request(&round).logged),
        [format!("mail: jefa@example.com: Gancho: no se puede entregar a {}", receiver.url("/…"))]
    );
    erp.with_alone(&format!("$alone->deliveries->retryNow('{id}');"));
    assert!(mails(erp.request(&round).logged).is_empty(), "each outage once");
    receiver.behave(|_| Respond::status(410));
    erp.request(&format!("{USE} $alone = new Alone($db, $settings); $alone->deliveries->retryNow('{id}');"));
    let told = mails(erp.request(&round).logged);
    assert!(told.is_empty() || told[0].contains("está desactivado"), "{told:?}");
    assert_eq!(erp.with_alone(&format!("return $alone->webhooks->find('{id}')->health['mailed'];")), "disabled");
}

#[tokio::test(flavor = "multi_thread")]
async fn switching_off_keeps_webhooks_and_a_copy_calls_none() {
    let erp = Erp::new(Engine::MariaDb).await;
    erp.alone();
    let receiver = Receiver::start().await;
    erp.add_webhook(&receiver.url("/hook"), "customer.*");
    erp.request("$plugin->uninstall();");
    erp.database.run(ACTS[0]).await;
    erp.request(NOTHING);
    assert_eq!(receiver.received().len(), 0, "nothing is captured while it is off");
    erp.request("$plugin->update();");
    erp.act("INSERT INTO clientes (codcliente, nombre, fechaalta) VALUES ('2', 'Eva', '2026-01-01')").await;
    assert_eq!(receiver.received().len(), 1, "the webhook is still there");
    let copy = erp.copied().await;
    copy.act("INSERT INTO clientes (codcliente, nombre, fechaalta) VALUES ('3', 'Luz', '2026-01-01')").await;
    assert_eq!(receiver.received().len(), 1, "a copy sends nothing");
    assert!(copy.request(&format!("{USE} return $settings->state()['copy'];")).returned.is_string(), "and asks");
    copy.with_alone("$alone->webhooks->disableAll('ana');");
    assert_eq!(
        copy.with_alone("return array_map(fn($one) => $one->state(), array_values($alone->webhooks->all()));"),
        json!(["disabled"])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn moving_to_a_server_loses_nothing_and_sends_nothing_twice() {
    let (erp, server) = (Erp::new(Engine::MariaDb).await, server().await);
    erp.alone();
    let receiver = Receiver::with(|_| Respond::status(500)).await;
    let (id, secret) = erp.add_webhook(&receiver.url("/hook"), "customer.created");
    erp.with_alone(&format!("$alone->webhooks->add(['url' => '{}', 'events' => 'invoice.*', 'name' => 'Dos', 'paused' => true, 'headers' => ['X-A' => 'b']], 'ana');", receiver.url("/two")));
    erp.act(ACTS[0]).await;
    let source = server.post("/sources", json!({"kind": "plugin", "name": "ERP"}), 201).await;
    let token = source["token"].as_str().expect("a token");
    let move_with = |admin: &str| {
        erp.with_alone(&format!(
            "$settings->save($db, ['url' => '{}', 'token' => '{token}', 'admin_token' => '{admin}']);
            $refused = (new FacturaScripts\\Plugins\\Gancho\\Webhook\\Move($alone))->toServer($db);
            return $refused === null ? 'moved' : $refused->status;",
            server.base()
        ))
    };
    // It stops in the middle, and is repeated.
    assert_eq!(move_with("wrong"), 401);
    assert_eq!(erp.request(&format!("{USE} return $settings->isAlone();")).returned, true);
    assert_eq!(move_with(gancho_testkit::ADMIN_TOKEN), "moved");
    let endpoints = server.get("/endpoints").await;
    assert_eq!(endpoints["data"].as_array().map(Vec::len), Some(2), "{endpoints}");
    let one = endpoints["data"]
        .as_array()
        .expect("a list")
        .iter()
        .find(|one| one["events"][0] == "customer.created")
        .expect("the first");
    assert_eq!(one["id"], id.as_str(), "ids are kept");
    assert_eq!(server.get(&format!("/endpoints/{id}/secret")).await["secret"], secret.as_str());
    let again = json!({"id": id, "url": "https://example.com", "events": ["*"]});
    server.post("/endpoints", again.clone(), 409).await;
    let exported = crate::command_line::run(&server, &["endpoint", "export"], "").await;
    assert!(exported.out.contains(&secret) && exported.err.contains("X-A"), "{} {}", exported.out, exported.err);
    let (other, file) = (Erp::new(Engine::Postgres).await, exported.out.replace('\'', "\\'"));
    other.alone();
    let import = "(new FacturaScripts\\Plugins\\Gancho\\Webhook\\Move($alone))->import";
    assert_eq!(other.with_alone(&format!("return {import}('{file}', 'ana');")), 2, "and back");
    receiver.behave(|_| Respond::status(200));
    erp.act("INSERT INTO clientes (codcliente, nombre, fechaalta) VALUES ('2', 'Eva', '2026-01-01')").await;
    erp.with_alone("$alone->db->run('UPDATE ' . Tables::DELIVERIES . ' SET due_at = 0');");
    receiver
        .wait_until("both", |all| {
            let arrived = all.iter().map(|one| one.json()["data"]["object"]["codcliente"].clone()).collect::<Vec<_>>();
            arrived.iter().filter(|code| **code == "2").count() == 1
                && arrived.iter().filter(|code| **code == "1").count() == 2
        })
        .await;
    let stored = erp
        .request(&format!(
            "{USE} return implode(' ', array_column($db->select('SELECT value FROM ganchoplugin_settings'), 'value'));"
        ))
        .returned;
    assert!(!stored.as_str().expect("a text").contains(token), "the server's token is not readable in the table");
    // An id that was another's is never given again.
    server.call(reqwest::Method::DELETE, &format!("/endpoints/{id}"), None).await;
    server.post("/endpoints", again, 409).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn webhooks_are_exported_and_imported_whole_or_not_at_all() {
    let (one, other) = (Erp::new(Engine::MariaDb).await, Erp::new(Engine::Postgres).await);
    one.alone();
    other.alone();
    let (id, secret) = one.add_webhook("https://example.com/hook", "invoice.*");
    let file = one.with_alone("return (new FacturaScripts\\Plugins\\Gancho\\Webhook\\Move($alone))->export();");
    let file = file.as_str().expect("a text").replace('\'', "\\'");
    let import = |file: &str| {
        other.with_alone(&format!(
            "try {{ return (new FacturaScripts\\Plugins\\Gancho\\Webhook\\Move($alone))->import('{file}', 'ana'); }} catch (Refused $refused) {{ return $refused->text; }}"
        ))
    };
    assert_eq!(import("nonsense"), "gancho-import-bad");
    let bad = r#"{"webhooks": [{"url": "https://example.com/a", "events": ["*"]}, {"url": "ftp://example.com", "events": ["*"]}]}"#;
    assert_eq!(import(bad), "gancho-url-scheme");
    assert_eq!(other.with_alone("return count($alone->webhooks->all());"), 0, "all of it or nothing");
    assert_eq!((import(&file), import(&file)), (json!(1), json!(0)));
    assert_eq!(other.with_alone(&format!("return $alone->webhooks->find('{id}')->sealed['secret'];")), secret.as_str());
}

#[tokio::test(flavor = "multi_thread")]
async fn receivers_that_hang_lie_or_talk_without_end_harm_nobody() {
    let erp = Erp::new(Engine::MariaDb).await;
    erp.alone();
    let receiver = Receiver::with(|asked| match asked.path.as_str() {
        "/hangs" => Respond::status(200).after(std::time::Duration::from_secs(15)),
        "/redirects" => Respond::status(302).header("location", "http://169.254.169.254/latest"),
        "/talks" => Respond { body: "x".repeat(3_000_000), ..Respond::status(200) },
        "/later" => Respond::status(503).header("retry-after", "1800"),
        "/never" => Respond::status(429).header("retry-after", "99999999"),
        _ => Respond::status(200),
    })
    .await;
    for path in ["/hangs", "/redirects", "/talks", "/later", "/never", "/well"] {
        erp.add_webhook(&receiver.url(path), "customer.created");
    }
    erp.act(ACTS[0]).await;
    let shown = erp.with_alone(
        "$shown = [];
        foreach ($alone->deliveries->page([]) as $one) {
            $path = parse_url($alone->webhooks->find($one['webhook'])->url(), PHP_URL_PATH);
            $attempt = $alone->deliveries->attempts($one)[0];
            $shown[$path] = [$one['state'], $attempt['status'], $attempt['kind'], strlen($attempt['body']), $attempt['truncated'],
                $one['due_at'] === null ? null : intdiv((int)$one['due_at'] - $attempt['at'] - $attempt['duration_ms'], 1000), $attempt['duration_ms'] < 10900];
        } return $shown;",
    );
    assert_eq!(shown["/well"][0], "delivered");
    assert_eq!(shown["/talks"], json!(["delivered", 200, null, 16_384, true, null, true]), "enough is enough");
    assert_eq!(shown["/hangs"], json!(["pending", null, "timeout", 0, false, 5, true]));
    assert_eq!(shown["/redirects"], json!(["pending", 302, "status", 2, false, 5, true]), "not followed");
    assert_eq!(shown["/later"][5], 1_800);
    assert_eq!(shown["/never"][5], 3_600, "an hour at most");
    assert!(receiver.received().iter().all(|one| one.path != "/latest"));
}

/// Acts of thousands of rows, of which a look shows a part, and events without data.
#[tokio::test(flavor = "multi_thread")]
async fn large_acts_and_empty_events_hold_nothing_up() {
    for engine in Engine::ALL {
        let erp = Erp::new(engine).await;
        erp.alone();
        let receiver = Receiver::start().await;
        erp.add_webhook(&receiver.url("/hook"), "shop.*");
        erp.request("FacturaScripts\\Plugins\\Gancho\\Lib\\Gancho::send('shop.opened', []);");
        receiver.wait_for(1).await;
        assert_eq!(receiver.received()[0].json()["data"], json!({"object": {}}));
        let rows = |from: u32, to: u32, filler: usize| -> String {
            let values = (from..to).map(|n| format!("('{n}', '{}', '2026-01-01')", "x".repeat(filler)));
            format!(
                "INSERT INTO clientes (codcliente, observaciones, fechaalta) VALUES {}",
                values.collect::<Vec<_>>().join(", ")
            )
        };
        // More rows than a look shows at first, and more bytes than any shows.
        for insert in [rows(0, 3_000, 1), rows(3_000, 6_000, 1_800)] {
            erp.database.run(&insert).await;
            for _ in 0..30 {
                erp.request(NOTHING);
                if erp.waiting().await == 0 {
                    break;
                }
            }
            assert_eq!(erp.waiting().await, 0, "{engine:?}");
        }
        let last_error = erp.request(&format!("{USE} return $settings->state()['last_error'];")).returned;
        assert_eq!(last_error, Value::Null);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_again_to_a_failing_webhook_is_its_probe() {
    let erp = Erp::new(Engine::MariaDb).await;
    erp.alone();
    let receiver = Receiver::with(|_| Respond::status(500)).await;
    let (id, _) = erp.add_webhook(&receiver.url("/hook"), "customer.*");
    for n in 0..12 {
        erp.database
            .run(&format!("INSERT INTO clientes (codcliente, nombre, fechaalta) VALUES ('{n}', 'Ana', '2026-01-01')"))
            .await;
        erp.request(NOTHING);
    }
    let before = receiver.received().len();
    assert!(before >= 10);
    erp.with_alone("$alone->db->run('UPDATE ' . Tables::DELIVERIES . \" SET state = 'failed'\");");
    erp.with_alone(&format!("$alone->deliveries->resendFailed('{id}', 0); $alone->deliveries->retryNow('{id}');"));
    erp.request(NOTHING);
    assert_eq!(receiver.received().len(), before + 1, "one probe, then the pause");
    // Switched on again, nothing is held against it.
    receiver.behave(|_| Respond::status(410));
    erp.with_alone(&format!("$alone->deliveries->retryNow('{id}');"));
    let health = format!("$one = $alone->webhooks->find('{id}'); return [$one->state(), $one->health['failures']];");
    assert_eq!(erp.with_alone(&health)[0], "disabled");
    let resume = format!(
        "$alone->webhooks->update($alone->webhooks->find('{id}'), ['enabled' => true, 'url' => '{}'], 'ana');",
        receiver.url("/new")
    );
    assert_eq!(erp.with_alone(&format!("{resume} {health}")), json!(["ok", 0]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_was_set_back_holds_nothing_up() {
    let erp = Erp::new(Engine::Postgres).await;
    erp.alone();
    let receiver = Receiver::with(|_| Respond::status(500)).await;
    let (id, _) = erp.add_webhook(&receiver.url("/hook"), "customer.*");
    erp.act(ACTS[0]).await;
    assert_eq!(receiver.received().len(), 1);
    receiver.behave(|_| Respond::status(200));
    // Planned, claimed and probed by a clock that was a month ahead.
    erp.with_alone(
        "$alone->db->run('UPDATE ' . Tables::DELIVERIES . ' SET due_at = due_at + 2678400000, lease_until = 1000 + 2678400000000, lease = 0');
        $alone->db->run('UPDATE ' . Tables::WEBHOOKS . ' SET failures = 12, probe_at = 2678400000000');",
    );
    erp.request(NOTHING);
    assert_eq!(receiver.received().len(), 2, "{id}");
}

/// PHP that ends for want of memory ends without a word: fewer rows are looked at then.
#[tokio::test(flavor = "multi_thread")]
async fn little_memory_is_enough() {
    let erp = Erp::new(Engine::MariaDb).await;
    erp.alone();
    let receiver = Receiver::start().await;
    erp.add_webhook(&receiver.url("/hook"), "shop.*");
    let filler = "x".repeat(3_000);
    let values: Vec<String> = (0..1_000).map(|n| format!("('{n}', '{filler}', '2026-01-01')")).collect();
    erp.database
        .run(&format!("INSERT INTO clientes (codcliente, observaciones, fechaalta) VALUES {}", values.join(", ")))
        .await;
    let mut requests = 0;
    while erp.waiting().await > 0 {
        requests += 1;
        assert!(requests < 40, "{} wait", erp.waiting().await);
        erp.kill_after(
            "ini_set('memory_limit', '16M'); ini_set('display_errors', '0');",
            std::time::Duration::from_secs(20),
        );
    }
    assert!(requests > 1, "the limit was too high for this test");
}
