//! Checks by the running server: its own settings determine what it may reach.

use gancho_model::mask;
use reqwest::Method;
use serde_json::Value;

use super::Report;
use crate::{
    api_client::ApiClient,
    cli_error::CliError,
    command::{endpoint::state, table::text},
    local_server::LocalServer,
};

/// Asks it to check each source and webhook.
pub(super) async fn look(server: &LocalServer, report: &mut Report) -> Result<(), CliError> {
    let api = ApiClient::of(server)?;
    let sources = api.call(Method::GET, "sources", None).await?;
    report.good("server", format!("answers at {}", server.url));
    for source in sources["data"].as_array().into_iter().flatten() {
        source_lines(&api, source, report).await?;
    }
    for endpoint in api.pages("endpoints").await? {
        endpoint_lines(&api, &endpoint, report).await?;
    }
    Ok(())
}

async fn source_lines(api: &ApiClient, source: &Value, report: &mut Report) -> Result<(), CliError> {
    let name = text(&source["name"]);
    let checked = api.call(Method::POST, &format!("sources/{}/check", text(&source["id"])), None).await?;
    for check in checked["checks"].as_array().into_iter().flatten() {
        let found = format!("{name}: {}, {}", text(&check["name"]), text(&check["message"]));
        report.line(check["ok"] == true, "source", found);
    }
    if let Some(error) = source["last_error"].as_str() {
        report.bad("source", format!("{name}: {error}"));
    }
    Ok(())
}

async fn endpoint_lines(api: &ApiClient, endpoint: &Value, report: &mut Report) -> Result<(), CliError> {
    if endpoint["disabled_reason"] == "listener" {
        return Ok(());
    }
    // What doctor prints is pasted into tickets: addresses may contain a key.
    let name = endpoint["name"].as_str().map_or_else(|| mask::url(&text(&endpoint["url"])), ToOwned::to_owned);
    let health = &endpoint["health"];
    let (state, pending, failures) = (state(endpoint), &health["pending"], &health["consecutive_failures"]);
    let failed = match failures.as_u64() {
        Some(1) => "the last attempt failed; ".to_owned(),
        Some(more) if more > 1 => format!("the last {more} attempts failed; "),
        _ => String::new(),
    };
    let checked = api.call(Method::POST, &format!("endpoints/{}/check", text(&endpoint["id"])), None).await?;
    let checks = checked["checks"].as_array().map_or(&[][..], Vec::as_slice);
    let reached = checks.iter().find(|check| check["name"] == "reach").or(checks.last());
    let is_reached = reached.is_some_and(|check| check["ok"] == true);
    let found = reached.map(|check| text(&check["message"])).unwrap_or_default();
    let is_well = is_reached && state != "failing" && failed.is_empty();
    report.line(is_well, "webhook", format!("{name}: {state}, {pending} waiting; {failed}{found}"));
    Ok(())
}
