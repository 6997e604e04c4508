//! All webhooks with their secrets, in the import format of the ERP's plugin.

use reqwest::Method;
use serde_json::{Map, Value, json};

use crate::{api_client::ApiClient, cli_error::CliResult};

/// The fields of a webhook in the plugin.
const KEPT: [&str; 6] = ["id", "url", "events", "name", "enabled", "paused"];

pub(super) async fn export(api: &ApiClient) -> CliResult {
    let (mut webhooks, mut after) = (vec![], String::new());
    loop {
        let page = api.call(Method::GET, &format!("endpoints?limit=500{after}"), None).await?;
        for endpoint in page["data"].as_array().into_iter().flatten() {
            webhooks.push(exported(api, endpoint).await?);
        }
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    say!("{:#}", json!({ "webhooks": webhooks }));
    Ok(())
}

async fn exported(api: &ApiClient, endpoint: &Value) -> Result<Value, crate::cli_error::CliError> {
    let id = endpoint["id"].as_str().unwrap_or_default();
    let secret = api.call(Method::GET, &format!("endpoints/{id}/secret"), None).await?;
    let mut webhook: Map<String, Value> =
        KEPT.iter().map(|name| ((*name).to_owned(), endpoint[*name].clone())).collect();
    webhook.insert("secret".into(), secret["secret"].clone());
    let headers: Vec<&str> =
        endpoint["headers"].as_object().into_iter().flat_map(Map::keys).map(String::as_str).collect();
    if !headers.is_empty() {
        complain!(
            "{id}: the values of its header fields are shown to nobody; enter them again: {}",
            headers.join(", ")
        );
    }
    Ok(webhook.into())
}
