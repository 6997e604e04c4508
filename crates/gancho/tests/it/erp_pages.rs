//! The plugin's pages in the ERP: its real controllers and templates, rendered by Twig, as a person uses them.

use gancho_testkit::{Engine, Receiver, Respond};
use serde_json::Value;

use crate::{
    erp_alone::ACTS,
    erp_plugin::{Erp, NOTHING, server},
};

impl Erp {
    /// A page, by its name and PHP's arrays of the query, the form and the rights.
    #[track_caller]
    fn page(&self, rest: &str) -> (String, Vec<Value>) {
        let done = self.request(&format!("return Page::ask({rest});"));
        (done.returned.as_str().expect("HTML").to_owned(), done.logged)
    }
}

/// The part of a page after this text, up to a text.
#[track_caller]
fn between<'a>(html: &'a str, start: &str, end: &str) -> &'a str {
    let rest = html.split_once(start).unwrap_or_else(|| panic!("no {start}: {html}")).1;
    rest.split_once(end).expect("an end").0
}

#[tokio::test(flavor = "multi_thread")]
async fn webhooks_of_the_plugin_are_added_tested_and_explained() {
    let erp = Erp::new(Engine::MariaDb).await;
    erp.alone();
    let receiver = Receiver::with(|_| Respond { body: "<b>boom</b>".into(), ..Respond::status(500) }).await;
    let (empty, _) = erp.page("'GanchoWebhooks'");
    assert!(empty.contains("gancho-form") && empty.contains("index.php"), "a form, and the line for cron: {empty}");

    let url = receiver.url("/hook/T0P");
    let (added, _) = erp.page(&format!("'GanchoWebhooks', [], ['action' => 'add', 'url' => '{url}', 'events' => ['customer.*'], 'patterns' => 'invoice.paid', 'name' => 'Tienda']"));
    let secret = format!("whsec_{}", between(&added, ">whsec_", "<"));
    let (listed, _) = erp.page("'GanchoWebhooks'");
    assert!(listed.contains("Tienda") && listed.contains("customer.*, invoice.paid"), "{listed}");
    assert!(!listed.contains(&secret) && !listed.contains("T0P"), "once, and never the path");
    let id = between(&listed, "name=\"id\" value=\"", "\"").to_owned();

    // What was typed stays there, and the sentence says what is wrong.
    let (refused, logged) = erp.page("'GanchoWebhooks', [], ['action' => 'add', 'url' => 'http://10.0.0.1/x', 'patterns' => 'invoice.payed', 'events' => []]");
    assert!(refused.contains("value=\"http://10.0.0.1/x\"") && logged.len() == 1, "{logged:?}");

    let (tested, _) = erp.page(&format!("'GanchoWebhooks', [], ['action' => 'test', 'id' => '{id}']"));
    assert!(tested.contains("500") && tested.contains("&lt;b&gt;boom&lt;/b&gt;"), "the answer, escaped: {tested}");
    erp.act(ACTS[0]).await;
    let (failing, _) = erp.page("'GanchoWebhooks'");
    assert!(failing.contains("value=\"retry\"") && failing.contains("500"), "{failing}");

    let (deliveries, _) = erp.page("'GanchoDeliveries'");
    assert!(deliveries.contains("customer.created") && deliveries.contains("Ana"), "{deliveries}");
    let delivery = between(&deliveries, "data-href=\"GanchoDeliveries?id=", "\"").to_owned();
    let (one, _) = erp.page(&format!("'GanchoDeliveries', ['id' => '{delivery}']"));
    assert!(
        one.contains("&lt;b&gt;boom") && one.contains("x-webhook-signature: ***") && !one.contains(&secret),
        "{one}"
    );

    receiver.behave(|_| Respond::status(200));
    erp.page(&format!("'GanchoWebhooks', [], ['action' => 'retry', 'id' => '{id}']"));
    erp.request(NOTHING);
    let (well, _) = erp.page("'GanchoDeliveries', ['state' => 'delivered']");
    assert!(well.contains(&delivery), "{well}");

    // The button on a record's page: which webhook, and then it goes.
    let (asked, _) = erp.page("'GanchoWebhooks', ['model' => 'Cliente', 'code' => '1']");
    assert!(asked.contains("value=\"send\"") && asked.contains("name=\"code\" value=\"1\""), "{asked}");
    let send =
        format!("'GanchoWebhooks', [], ['action' => 'send', 'id' => '{id}', 'model' => 'Cliente', 'code' => '1']");
    erp.page(&send);
    erp.request(NOTHING);
    let last = receiver.received().pop().expect("it came");
    assert_eq!(last.header("x-webhook-event"), "customer.snapshot");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_may_only_look_changes_nothing() {
    let erp = Erp::new(Engine::Postgres).await;
    erp.alone();
    let (id, secret) = erp.add_webhook("https://example.com/hook", "*");
    let rights = "['allowUpdate' => false, 'allowDelete' => false, 'allowExport' => false]";
    for action in ["pause", "disable", "rotate", "remove", "send", "save", "resend"] {
        let form = format!(
            "['action' => '{action}', 'id' => '{id}', 'url' => 'https://example.org', 'model' => 'Cliente', 'code' => '1']"
        );
        let (html, logged) = erp.page(&format!("'GanchoWebhooks', [], {form}, {rights}"));
        assert_eq!(logged, ["warning: not-allowed-modify"], "{action}");
        assert!(!html.contains("gancho-form") && !html.contains(&secret), "{action}");
    }
    for action in ["save", "delete-all", "export", "move", "import"] {
        let (html, logged) = erp.page(&format!("'Gancho', [], ['action' => '{action}'], {rights}"));
        assert_eq!(logged, ["warning: not-allowed-modify"], "{action}");
        assert!(!html.contains(&secret), "{action}");
    }
    let state = erp.with_alone(&format!("$one = $alone->webhooks->find('{id}'); return [$one->state(), $one->url()];"));
    assert_eq!(state, serde_json::json!(["idle", "https://example.com/hook"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_settings_page_in_both_ways() {
    let erp = Erp::new(Engine::MariaDb).await;
    let (fresh, _) = erp.page("'Gancho'");
    assert!(fresh.contains("value=\"alone\"") && fresh.contains("value=\"push\""), "a choice: {fresh}");
    let models = "'models' => ['Cliente', 'FacturaCliente']";
    let (_, logged) = erp
        .page(&format!("'Gancho', [], ['action' => 'save', 'way' => 'alone', {models}, 'allow_hosts' => '127.0.0.1']"));
    assert_eq!(logged, ["notice: record-updated-correctly"]);
    let (chosen, _) = erp.page("'Gancho'");
    assert!(chosen.contains("127.0.0.1"), "{chosen}");

    // What the plugin itself sent, or could not send, stays in sight.
    let (id, _) = erp.add_webhook("http://127.0.0.1:1/hook", "customer.*");
    erp.act(ACTS[0]).await;
    erp.with_alone(&format!("$alone->webhooks->update($alone->webhooks->find('{id}'), ['enabled' => false], 'ana');"));

    // With a server its key is kept, never shown, and forgotten with its address.
    let server = server().await;
    erp.connect(&server).await;
    let (connected, _) = erp.page("'Gancho'");
    assert!(connected.contains(server.base()), "{connected}");
    let (_, logged) = erp.page(&format!(
        "'Gancho', [], ['action' => 'save', 'way' => 'push', {models}, 'url' => 'https://elsewhere.example']"
    ));
    assert_eq!(logged, ["error: gancho-keys-again"]);
    let (past, _) = erp.page("'GanchoDeliveries', ['state' => 'pending']");
    assert!(past.contains("customer.created") && past.contains("lo que envió antes"), "{past}");
    let (webhooks, _) = erp.page("'GanchoWebhooks'");
    assert!(!webhooks.contains("gancho-form"), "those of a server need a key: {webhooks}");
}
