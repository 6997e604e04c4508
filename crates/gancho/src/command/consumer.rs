use clap::Subcommand;
use reqwest::Method;
use serde_json::{Value, json};

use super::table::{self, Cell, Column, text};
use crate::{api_client::ApiClient, cli_error::CliResult, runtime::block_on, when};

/// What to do with consumers.
#[derive(Subcommand)]
pub enum ConsumerCommand {
    /// Make one.
    Add {
        /// Its name: letters, digits, dots and dashes.
        name: String,
        /// Only these types and patterns.
        #[arg(long, num_args = 1.., value_name = "PATTERN")]
        types: Vec<String>,
        /// Only events of this source.
        #[arg(long = "source", value_name = "SRC")]
        sources: Vec<String>,
        /// Begin after this sequence number, at a time (1h, yesterday, RFC 3339), or with "latest"; else with the first event.
        #[arg(long)]
        from: Option<String>,
    },
    /// List them, with how far each is behind.
    List,
    /// Print what one has not acknowledged yet, a line of JSON each.
    Events {
        /// Its name.
        name: String,
        /// At most so many.
        #[arg(long, default_value_t = 50)]
        limit: u32,
        /// Wait so many seconds for news.
        #[arg(long, default_value_t = 0)]
        wait: u32,
        /// Acknowledge them once they are printed.
        #[arg(long)]
        ack: bool,
    },
    /// Say how far one has come.
    Ack {
        /// Its name.
        name: String,
        /// The sequence number of the last event that it has handled.
        sequence: u64,
    },
    /// Remove one, with its position.
    Remove {
        /// Its name.
        name: String,
    },
}

const COLUMNS: &[Column] = &[
    Column::flexible("name", 0, |one| Cell::of(&one["name"])),
    Column::new("position", 0, |one| Cell::of(&one["position"])),
    Column::new("behind", 0, |one| Cell::of(&one["behind"])),
    Column::new("acknowledged", 1, |one| Cell::ago(&one["acked_at"])),
    Column::flexible("types", 2, |one| Cell::of(&one["types"])),
];

pub fn run(command: ConsumerCommand, api: &ApiClient) -> CliResult {
    block_on(act(command, api))?
}

async fn act(command: ConsumerCommand, api: &ApiClient) -> CliResult {
    match command {
        ConsumerCommand::Add { name, types, sources, from } => {
            let from = from.as_deref().map(start).transpose()?;
            let body = json!({"name": name, "types": types, "sources": sources, "from": from});
            let done = format!("made {name}: gancho consumer events {name}");
            api.act(Method::POST, "consumers", Some(body), &done).await
        }
        ConsumerCommand::List => {
            let page = api.call(Method::GET, "consumers", None).await?;
            if api.json {
                say!("{}", page["data"]);
            } else {
                let none = "no consumers: gancho consumer add NAME";
                table::print(page["data"].as_array().map_or(&[], Vec::as_slice), COLUMNS, none);
            }
            Ok(())
        }
        ConsumerCommand::Events { name, limit, wait, ack } => events(api, &name, (limit, wait), ack).await,
        ConsumerCommand::Ack { name, sequence } => {
            let body = json!({ "sequence": sequence });
            let consumer = api.call(Method::POST, &format!("consumers/{name}/ack"), Some(body)).await?;
            if api.json {
                say!("{consumer}");
            } else {
                // Further, if it was further already.
                say!("{name} is at {}", text(&consumer["position"]));
            }
            Ok(())
        }
        ConsumerCommand::Remove { name } => {
            api.act(Method::DELETE, &format!("consumers/{name}"), None, &format!("removed {name}")).await
        }
    }
}

/// A sequence number, `latest`, or a time.
fn start(text: &str) -> Result<Value, crate::cli_error::CliError> {
    match text.parse::<u64>() {
        Ok(sequence) => Ok(sequence.into()),
        Err(_) if text == "latest" => Ok(text.into()),
        Err(_) => when::parse(text).map(|at| json!(at)),
    }
}

async fn events(api: &ApiClient, name: &str, (limit, wait): (u32, u32), ack: bool) -> CliResult {
    let page = api.call(Method::GET, &format!("consumers/{name}/events?limit={limit}&wait={wait}"), None).await?;
    for event in page["data"].as_array().into_iter().flatten() {
        say!("{event}");
    }
    if ack && let Some(next) = page["next"].as_str().and_then(|next| next.parse::<u64>().ok()) {
        api.call(Method::POST, &format!("consumers/{name}/ack"), Some(json!({ "sequence": next }))).await?;
    }
    Ok(())
}
