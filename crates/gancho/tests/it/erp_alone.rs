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
pub const USE: &str = "use FacturaScripts\\Plugins\\Gancho\\{Webhook\\Alone, Webhook\\Tables, Webhook\\Refused, Server\\Settings, Outbox\\Engine};
    $settings = (new Settings())->read($db);";

/// What users do, one request of the ERP each.
pub const ACTS: &[&str] = &[
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
    pub fn with_alone(&self, code: &str) -> Value {
        self.request(&format!("{USE} $alone = new Alone($db, $settings); {code}")).returned
    }

    /// Adds a webhook; returns its id and secret.
    #[track_caller]
    pub fn add_webhook(&self, url: &str, events: &str) -> (String, String) {
        let added = self.with_alone(&format!(
            "$webhook = $alone->webhooks->add(['url' => '{url}', 'events' => '{events}'], 'ana'); return [$webhook->id, $webhook->sealed['secret']];"
        ));
        let text = |place: usize| added[place].as_str().expect("a text").to_owned();
        (text(0), text(1))
    }

    pub async fn act(&self, act: &str) {
        self.database.run(act).await;
        self.request(NOTHING);
    }
}

/// The body without what differs each time: its id and its source.
pub fn comparable_body(received: &Received) -> String {
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
pub fn fields(received: &Received) -> BTreeMap<String, String> {
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
        let bodies = |all: &[Received]| all.iter().map(comparable_body).collect::<Vec<_>>();
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
        // Each request sends for two seconds at most. Where something is stuck, none of them helps.
        for _ in 0..100 {
            erp.request(NOTHING);
            let left = erp.with_alone("return $alone->deliveries->isAnyDue(time() * 1000 + 1000);");
            if left == false && erp.waiting().await == 0 {
                break;
            }
        }
        let told: Vec<String> = receiver
            .received()
            .iter()
            .map(|one| one.json()["data"]["object"]["codcliente"].as_str().expect("a code").to_owned())
            .collect();
        let codes: std::collections::BTreeSet<&String> = told.iter().collect();
        assert_eq!(codes.len() as u64, kills, "{engine:?}: an event for each customer");
        let ids: std::collections::BTreeSet<String> =
            receiver.received().iter().map(|one| one.id().to_owned()).collect();
        assert_eq!(ids.len() as u64, kills, "{engine:?}: one event each");
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
