use clap::Subcommand;
use reqwest::Method;
use serde_json::{Value, json};

use super::{Done, Failed, block_on, table};
use crate::api_client::ApiClient;

/// What to do with sources.
#[derive(Subcommand)]
pub enum SourceCommand {
    /// Add one.
    #[command(subcommand)]
    Add(AddCommand),
    /// List them.
    List,
    /// Check what works and what is missing.
    Check {
        /// src_…
        id: String,
    },
    /// Remove one; its events stay.
    Remove {
        /// src_…
        id: String,
    },
}

/// How the ERP is heard.
#[derive(Subcommand)]
pub enum AddCommand {
    /// By its plugin. Prints the token to enter there.
    Plugin {
        /// What to call it.
        #[arg(long, default_value = "FacturaScripts")]
        name: String,
        /// The zone of its timestamps.
        #[arg(long)]
        time_zone: Option<String>,
        /// Models that make events; those of the catalogue if left out.
        #[arg(long, num_args = 1..)]
        models: Option<Vec<String>>,
    },
}

const COLUMNS: &[(&str, &str)] =
    &[("id", "/id"), ("name", "/name"), ("kind", "/kind"), ("state", "/state"), ("last heard", "/heard_at")];

pub fn run(command: SourceCommand, api: &ApiClient) -> Done {
    block_on(act(command, api))?
}

async fn act(command: SourceCommand, api: &ApiClient) -> Done {
    match command {
        SourceCommand::Add(AddCommand::Plugin { name, time_zone, models }) => {
            let body = json!({"kind": "plugin", "name": name, "time_zone": time_zone, "models": models});
            show(api, &api.call(Method::POST, "sources", Some(body)).await?);
            Ok(())
        }
        SourceCommand::List => {
            let page = api.call(Method::GET, "sources", None).await?;
            if api.json {
                say!("{}", page["data"]);
            } else {
                table::print(page["data"].as_array().map_or(&[], Vec::as_slice), COLUMNS);
            }
            Ok(())
        }
        SourceCommand::Check { id } => {
            let checked = api.call(Method::POST, &format!("sources/{id}/check"), None).await?;
            if api.json {
                say!("{checked}");
            } else {
                let columns = &[("check", "/name"), ("ok", "/ok"), ("found", "/message")];
                table::print(checked["checks"].as_array().map_or(&[], Vec::as_slice), columns);
            }
            if checked["ok"] == true { Ok(()) } else { Err(Failed::because("something is missing")) }
        }
        SourceCommand::Remove { id } => {
            api.call(Method::DELETE, &format!("sources/{id}"), None).await?;
            say!("removed {id}");
            Ok(())
        }
    }
}

fn show(api: &ApiClient, value: &Value) {
    if api.json {
        say!("{value}");
    } else {
        table::print_one(value);
    }
}
