use clap::Subcommand;
use reqwest::Method;
use serde_json::Value;

use super::table;
use crate::{api_client::ApiClient, cli_error::CliResult, runtime::block_on};

/// What to do with deliveries.
#[derive(Subcommand)]
pub enum DeliveryCommand {
    /// List them, newest first.
    List {
        /// To this webhook.
        #[arg(long)]
        endpoint: Option<String>,
        /// Of this event.
        #[arg(long)]
        event: Option<String>,
        /// pending, delivered, failed, cancelled or skipped.
        #[arg(long)]
        state: Option<String>,
        /// At most so many.
        #[arg(long, default_value_t = 50)]
        limit: u32,
    },
    /// Show one with its attempts.
    Show {
        /// dlv_…
        id: String,
    },
    /// Send it again.
    Retry {
        /// dlv_…
        id: String,
    },
}

const COLUMNS: &[(&str, &str)] = &[
    ("id", "/id"),
    ("event", "/event"),
    ("url", "/url"),
    ("state", "/state"),
    ("code", "/last/status_code"),
    ("error", "/last/error"),
    ("ms", "/last/duration_ms"),
    ("attempts", "/attempts"),
    ("waits for", "/waiting_for"),
    ("next", "/next_attempt_at"),
    ("created", "/created_at"),
];

pub fn run(command: DeliveryCommand, api: &ApiClient) -> CliResult {
    block_on(act(command, api))?
}

async fn act(command: DeliveryCommand, api: &ApiClient) -> CliResult {
    match command {
        DeliveryCommand::List { endpoint, event, state, limit } => {
            let filters = [("endpoint", endpoint), ("event", event), ("state", state)];
            let filters = filters.into_iter().filter_map(|(name, value)| Some(format!("&{name}={}", value?)));
            let path = format!("deliveries?limit={limit}{}", filters.collect::<String>());
            let page = api.call(Method::GET, &path, None).await?;
            if api.json {
                say!("{}", page["data"]);
            } else {
                table::print(page["data"].as_array().map_or(&[], Vec::as_slice), COLUMNS);
            }
            Ok(())
        }
        DeliveryCommand::Show { id } => show(api, &api.call(Method::GET, &format!("deliveries/{id}"), None).await?),
        DeliveryCommand::Retry { id } => {
            show(api, &api.call(Method::POST, &format!("deliveries/{id}/retry"), None).await?)
        }
    }
}

fn show(api: &ApiClient, value: &Value) -> CliResult {
    if api.json {
        say!("{value}");
    } else {
        table::print_one(value);
    }
    Ok(())
}
