//! The plugin by itself: managed by people and programs, moved, and under hard conditions.

use gancho_testkit::{Engine, Receiver, Respond};
use serde_json::{Value, json};

use crate::{
    erp_alone::{ACTS, USE},
    erp_plugin::{Erp, NOTHING, server},
};

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

/// A pass that runs out of memory ends without an error: the next one reads fewer rows.
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

/// Somebody edits a webhook that was read before an attempt disabled it.
#[tokio::test(flavor = "multi_thread")]
async fn an_edit_does_not_undo_what_an_attempt_found_out() {
    let erp = Erp::new(Engine::MariaDb).await;
    erp.alone();
    let receiver = Receiver::with(|_| Respond::status(410)).await;
    let (id, _) = erp.add_webhook(&receiver.url("/hook"), "customer.*");
    erp.database.run(ACTS[0]).await;
    let edited = erp.with_alone(&format!(
        "$read = $alone->webhooks->find('{id}');
        (new FacturaScripts\\Plugins\\Gancho\\Webhook\\Round($db, $settings, microtime(true) + 1))->run();
        $alone->webhooks->update($read, ['name' => 'Tienda'], 'ana');
        $now = $alone->webhooks->find('{id}');
        return [$now->name, $now->state(), $now->reason, $now->health['failures']];"
    ));
    assert_eq!(edited, json!(["Tienda", "disabled", "gone", 1]));
}
