use clap::Subcommand;
use reqwest::Method;
use serde_json::Value;

use super::table;
use crate::{
    api_client::{ApiClient, query},
    cli_error::CliResult,
    runtime::block_on,
    when,
};

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
        /// Types and patterns.
        #[arg(long, num_args = 1..)]
        types: Vec<String>,
        /// Made at this time or later: 1h, yesterday, 2026-03-01, or RFC 3339.
        #[arg(long)]
        since: Option<String>,
        /// Made before this time.
        #[arg(long)]
        until: Option<String>,
        /// How the last attempt failed: dns, connect, tls, timeout, blocked, protocol or status.
        #[arg(long)]
        error: Option<String>,
        /// The beginning of a document's number.
        #[arg(long)]
        document: Option<String>,
        /// Text in the event's body.
        #[arg(long)]
        search: Option<String>,
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
    /// Cancel one that waits.
    Cancel {
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
        DeliveryCommand::List { endpoint, event, state, types, since, until, error, document, search, limit } => {
            let filters = [
                ("endpoint", endpoint),
                ("event", event),
                ("state", state),
                ("types", (!types.is_empty()).then(|| types.join(","))),
                ("since", since.as_deref().map(when::parse).transpose()?),
                ("until", until.as_deref().map(when::parse).transpose()?),
                ("error", error),
                ("document", document),
                ("q", search),
            ];
            let filters = filters.into_iter().filter_map(|(name, value)| Some((name, value?)));
            let path = format!("deliveries?limit={limit}{}", query(filters));
            let page = api.call(Method::GET, &path, None).await?;
            if api.json {
                say!("{}", page["data"]);
            } else {
                table::print(page["data"].as_array().map_or(&[], Vec::as_slice), COLUMNS);
            }
            Ok(())
        }
        DeliveryCommand::Show { id } => show(api, &api.call(Method::GET, &format!("deliveries/{id}"), None).await?),
        DeliveryCommand::Cancel { id } => {
            show(api, &api.call(Method::POST, &format!("deliveries/{id}/cancel"), None).await?)
        }
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
