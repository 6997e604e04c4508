use std::io::Read;

use clap::Subcommand;
use gancho_model::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};

use super::table;
use crate::{
    api_client::{self, ApiClient},
    cli_error::{CliError, CliResult},
    runtime::block_on,
    when,
};

/// What to do with events.
#[derive(Subcommand)]
pub enum EventCommand {
    /// Send one of your own.
    Send {
        /// noun.verb
        #[arg(value_name = "TYPE")]
        kind: String,
        /// JSON of the object, or of the whole data with "object" in it; - for standard input.
        #[arg(long, value_name = "FILE")]
        data: Option<String>,
        /// Your own name for it, by which a repeat is recognised.
        #[arg(long)]
        id: Option<String>,
    },
    /// List the feed, oldest first.
    List {
        /// Wait for more.
        #[arg(long)]
        follow: bool,
        /// Types and patterns.
        #[arg(long, num_args = 1..)]
        types: Vec<String>,
        /// After this number of the feed.
        #[arg(long)]
        after: Option<u64>,
        /// At this time or later: 1h, yesterday, 2026-03-01, or RFC 3339.
        #[arg(long)]
        since: Option<String>,
        /// Before this time.
        #[arg(long)]
        until: Option<String>,
        /// The beginning of a document's number.
        #[arg(long)]
        document: Option<String>,
        /// From this source.
        #[arg(long)]
        source: Option<String>,
        /// About this row, Model:key.
        #[arg(long)]
        object: Option<String>,
        /// At most so many; with --follow, so many at a time.
        #[arg(long, default_value_t = 50)]
        limit: u32,
    },
    /// List the types that FacturaScripts can give.
    Types,
    /// Show one with its deliveries.
    Show {
        /// evt_…
        id: String,
    },
}

/// How long a follower waits before it asks again.
const AGAIN: std::time::Duration = std::time::Duration::from_secs(1);

const COLUMNS: &[(&str, &str)] =
    &[("#", "/sequence"), ("id", "/id"), ("event", "/event"), ("created", "/created"), ("source", "/source")];

pub fn run(command: EventCommand, api: &ApiClient) -> CliResult {
    block_on(act(command, api))?
}

async fn act(command: EventCommand, api: &ApiClient) -> CliResult {
    match command {
        EventCommand::Send { kind, data, id } => {
            let body = json!({"event": kind, "data": data_of(data)?, "id": id});
            let sent = api.call(Method::POST, "events", Some(body)).await?;
            if api.json {
                say!("{sent}");
            } else {
                say!("{}", sent["id"].as_str().unwrap_or_default());
            }
            Ok(())
        }
        EventCommand::List { follow, types, after, since, until, document, source, object, limit } => {
            let mut query = vec![("limit", limit.to_string())];
            query.extend((!types.is_empty()).then(|| ("types", types.join(","))));
            query.extend(since.as_deref().map(when::parse).transpose()?.map(|since| ("since", since)));
            query.extend(until.as_deref().map(when::parse).transpose()?.map(|until| ("until", until)));
            query.extend(document.map(|document| ("document", document)));
            query.extend(source.map(|source| ("source", source)));
            query.extend(object.map(|object| ("object", object)));
            // Who follows wants what comes; who lists, what there is.
            let from =
                after.map_or_else(|| if follow { "latest".into() } else { "0".into() }, |after| after.to_string());
            list(api, query, from, follow).await
        }
        EventCommand::Types => {
            let types = api.call(Method::GET, "event-types", None).await?;
            if api.json {
                say!("{types}");
            } else {
                let columns = &[("type", "/type"), ("title", "/title"), ("description", "/description")];
                table::print(types.as_array().map_or(&[], Vec::as_slice), columns);
            }
            Ok(())
        }
        EventCommand::Show { id } => {
            let event = api.call(Method::GET, &format!("events/{id}"), None).await?;
            if api.json {
                say!("{event}");
            } else {
                table::print_one(&readable(&event));
            }
            Ok(())
        }
    }
}

fn data_of(from: Option<String>) -> Result<Value, CliError> {
    let text = match from.as_deref() {
        None => return Ok(json!({"object": {}})),
        Some("-") => {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text).map(|_| text).map_err(CliError::refused)
        }
        Some(path) => std::fs::read_to_string(path).map_err(|error| CliError::because(format!("{path}: {error}"))),
    };
    let value: Value = serde_json::from_str(&text?).map_err(|error| CliError::because(format!("not JSON: {error}")))?;
    Ok(if value.get("object").is_some_and(Value::is_object) { value } else { json!({"object": value}) })
}

async fn list(api: &ApiClient, mut query: Vec<(&str, String)>, mut after: String, follow: bool) -> CliResult {
    query.extend(follow.then(|| ("wait", "30".to_owned())));
    let query = api_client::query(query.into_iter());
    loop {
        let page = match api.call(Method::GET, &format!("events?after={after}{query}"), None).await {
            Err(error) if follow && after != "latest" => {
                // The server may be starting again: go on where we were.
                complain!("gancho: {error}; trying again");
                tokio::time::sleep(AGAIN).await;
                continue;
            }
            page => page?,
        };
        let items = page["data"].as_array().map_or(&[][..], Vec::as_slice);
        match (api.json, follow) {
            (true, false) => say!("{}", page["data"]),
            (true, true) => items.iter().for_each(|item| say!("{item}")),
            (false, true) => items.iter().for_each(line),
            (false, false) => table::print(&items.iter().map(readable).collect::<Vec<_>>(), COLUMNS),
        }
        if !follow {
            return Ok(());
        }
        page["next"].as_str().unwrap_or_default().clone_into(&mut after);
    }
}

fn line(event: &Value) {
    let event = readable(event);
    let text = |name: &str| event[name].as_str().unwrap_or("–").to_owned();
    say!("{:>8}  {}  {}  {}", event["sequence"], text("created"), text("event"), text("id"));
}

/// The same with a time that people read.
fn readable(event: &Value) -> Value {
    let mut event = event.clone();
    if let Some(created) = event["created"].as_i64() {
        event["created"] = Timestamp::from_s(created).to_string().into();
    }
    event
}
