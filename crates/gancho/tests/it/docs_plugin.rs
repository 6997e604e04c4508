//! What the documents of the plugin say to type: requests to the ERP's API, and the line for cron.

use gancho_testkit::Engine;

use crate::{documents, erp_plugin::Erp};

const FILES: [&str; 2] = ["docs/en/plugin.md", "docs/es/plugin.md"];

/// PHP's array of the pairs of a form or a query.
fn pairs(text: &str) -> String {
    let pairs = url::form_urlencoded::parse(text.as_bytes());
    let pairs: Vec<String> = pairs.map(|(name, value)| format!("'{name}' => '{value}'")).collect();
    format!("[{}]", pairs.join(", "))
}

#[tokio::test(flavor = "multi_thread")]
async fn its_requests_are_answered() {
    let erp = Erp::new(Engine::MariaDb).await;
    erp.alone();
    let lines = FILES.iter().flat_map(|file| documents::codes_of(file)).filter(|code| code.language == "sh");
    let lines: Vec<String> =
        lines.flat_map(|code| code.text.lines().map(ToOwned::to_owned).collect::<Vec<_>>()).collect();
    let curl: Vec<&String> = lines.iter().filter(|line| line.starts_with("curl ")).collect();
    assert!(curl.len() >= 4, "{lines:?}");
    for line in curl {
        assert!(line.starts_with("curl -H 'Token: "), "{line}");
        let form = line.split_once("-d '").map(|(_, rest)| rest.split('\'').next().expect("its end"));
        let address = line.split_once("https://erp.example/api/3/").expect("an address").1.trim_end_matches('\'');
        let (resource, query) = address.split_once('?').unwrap_or((address, ""));
        let (method, form) = form.map_or(("GET", ""), |form| ("POST", form));
        let answer = erp.with_alone(&format!(
            "return (new FacturaScripts\\Plugins\\Gancho\\Webhook\\Api($alone, 'api'))->answer('{method}', '{resource}', '', {}, {});",
            pairs(form),
            pairs(query)
        ));
        assert_eq!(answer[0], 200, "{line}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn its_line_for_cron_is_the_page_s() {
    let erp = Erp::new(Engine::MariaDb).await;
    erp.alone();
    let own = "(new FacturaScripts\\Plugins\\Gancho\\Http\\OwnWebhooks($alone, 'ana'))->cronLine()";
    let said = erp.with_alone(&format!(
        "return str_replace([PHP_BINDIR, FS_FOLDER], ['/usr/bin', '/var/www/facturascripts'], {own});"
    ));
    let said = said.as_str().expect("a line");
    for file in FILES {
        let lines = documents::codes_of(file);
        assert!(lines.iter().any(|code| code.text.trim() == said), "{file} says another line than {said}");
    }
}
