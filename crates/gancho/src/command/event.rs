use std::io::Read;

use clap::Subcommand;
use gancho_model::{EventType, Timestamp};
use gancho_service::event::title;
use gancho_words::Words;
use reqwest::Method;
use serde_json::{Value, json};

use super::{
    delivery::{name_webhooks, waits},
    table::{self, Cell, Column},
};
use crate::{
    api_client::{self, ApiClient},
    cli_error::{CliError, CliResult},
    runtime::block_on,
    terminal::{self, Style, paint},
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
    /// List them, newest first.
    List {
        /// Show what comes, and wait for more.
        #[arg(long)]
        follow: bool,
        /// Oldest first.
        #[arg(long)]
        oldest: bool,
        /// Types and patterns.
        #[arg(long, num_args = 1..)]
        types: Vec<String>,
        /// After this number of the feed, oldest first.
        #[arg(long)]
        after: Option<u64>,
        /// That arrived at this time or later: 1h, yesterday, 2026-03-01, or RFC 3339.
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
        #[arg(value_parser = crate::args::id)]
        id: String,
    },
}

/// How long a follower waits before it retries.
const AGAIN: std::time::Duration = std::time::Duration::from_secs(1);

const COLUMNS: &[Column] = &[
    Column::new("#", 0, |one| Cell::of(&one["sequence"])),
    Column::flexible("event", 0, |one| Cell::plain(name(one))),
    Column::flexible("type", 2, |one| Cell::of(&one["event"])),
    Column::new("created", 1, |one| Cell::ago(&readable(one)["created"])),
    Column::flexible("source", 3, |one| Cell::of(&one["source"])),
    Column::new("id", 0, |one| Cell::new(table::text(&one["id"]), Style::Dim)),
];

const TYPES: &[Column] = &[
    Column::new("type", 0, |one| Cell::of(&one["type"])),
    Column::flexible("title", 1, |one| Cell::of(&one["title"])),
    Column::flexible("description", 2, |one| Cell::of(&one["description"])),
];

/// Its title with its document.
fn name(event: &Value) -> String {
    let kind = event["event"].as_str().unwrap_or_default();
    let label = event["document"].as_str();
    EventType::parse(kind).map_or_else(|_| kind.to_owned(), |kind| title(Words::english(), &kind, label))
}

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
        EventCommand::List { follow, oldest, types, after, since, until, document, source, object, limit } => {
            let mut query = vec![("limit", limit.to_string())];
            query.extend((!types.is_empty()).then(|| ("types", types.join(","))));
            query.extend(since.as_deref().map(when::parse).transpose()?.map(|since| ("since", since)));
            query.extend(until.as_deref().map(when::parse).transpose()?.map(|until| ("until", until)));
            query.extend(document.map(|document| ("document", document)));
            query.extend(source.map(|source| ("source", source)));
            query.extend(object.map(|object| ("object", object)));
            let from = match (after, follow, oldest) {
                (Some(after), ..) => ("after", after.to_string()),
                // Following starts now, or at a given time; listing starts with existing events.
                (None, true, false) if since.is_some() => ("after", "0".to_owned()),
                (None, true, true) => ("after", "0".to_owned()),
                (None, true, false) => ("after", "latest".to_owned()),
                (None, false, true) => ("after", "0".to_owned()),
                (None, false, false) => ("before", "latest".to_owned()),
            };
            list(api, query, from, follow).await
        }
        EventCommand::Types => {
            let types = api.call(Method::GET, "event-types", None).await?;
            if api.json {
                say!("{types}");
            } else {
                table::print(types.as_array().map_or(&[], Vec::as_slice), TYPES, "no types");
            }
            Ok(())
        }
        EventCommand::Show { id } => {
            let event = api.call(Method::GET, &format!("events/{id}"), None).await?;
            if api.json {
                say!("{event}");
            } else {
                let mut event = event;
                if let Some(deliveries) = event["deliveries"].as_array_mut() {
                    name_webhooks(deliveries, api).await?;
                }
                show(&event);
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

async fn list(api: &ApiClient, mut query: Vec<(&str, String)>, from: (&str, String), follow: bool) -> CliResult {
    let (way, mut after) = from;
    if follow && after == "latest" && !api.json {
        complain!("waiting for new events; Ctrl+C ends it, --since 1h begins earlier");
    }
    query.extend(follow.then(|| ("wait", "30".to_owned())));
    let query = api_client::query(query.into_iter());
    loop {
        let page = match api.call(Method::GET, &format!("events?{way}={after}{query}"), None).await {
            Err(error) if follow && after != "latest" => {
                // The server may be restarting: continue from the same position.
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
            (false, false) => table::print(items, COLUMNS, "no event matches"),
        }
        if !follow {
            return Ok(());
        }
        page["next"].as_str().unwrap_or_default().clone_into(&mut after);
    }
}

/// One event: its data, its body, and its deliveries.
fn show(event: &Value) {
    let created = readable(event)["created"].as_str().map(terminal::full).unwrap_or_default();
    let field = |name: &str| table::text_or_nothing(&event[name]);
    say!("{}\n", paint(&name(event), Style::Bold));
    table::print_facts(&[
        ("type", field("event")),
        ("happened", created),
        ("source", field("source")),
        ("number", field("sequence")),
        ("id", field("id")),
    ]);
    say!("\n{}", serde_json::to_string_pretty(&event["data"]).unwrap_or_default());
    let deliveries = event["deliveries"].as_array().map_or(&[][..], Vec::as_slice);
    say!("");
    table::print(deliveries, DELIVERIES, "no webhook asked for it");
}

/// Its deliveries.
const DELIVERIES: &[Column] = &[
    Column::new("state", 0, |one| Cell::state(&one["state"])),
    Column::flexible("webhook", 0, |one| Cell::of(&one["webhook"])),
    Column::flexible("waits for", 1, |one| Cell::plain(waits(one))),
    Column::new("code", 2, |one| Cell::of(&one["last"]["status_code"])),
    Column::new("id", 0, |one| Cell::new(table::text(&one["id"]), Style::Dim)),
];

fn line(event: &Value) {
    let event = readable(event);
    let text = |name: &str| event[name].as_str().unwrap_or("–").to_owned();
    say!("{:>8}  {}  {}  {}", event["sequence"], text("created"), name(&event), text("id"));
}

/// The same with a readable time.
fn readable(event: &Value) -> Value {
    let mut event = event.clone();
    if let Some(created) = event["created"].as_i64() {
        event["created"] = Timestamp::from_s(created).to_string().into();
    }
    event
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_fits_the_terminal() {
        let one = |kind: &str, document: Value| {
            json!({"id": "evt_01m8jf8pc3exzrzhbf8meg0afj", "event": kind, "document": document, "sequence": 1234,
                "created": 1_577_872_800, "source": "src_01m8jf8p9vfywrvyyhzcq17d2e"})
        };
        let items = [one("invoice.paid", json!("FAC2026A12")), one("subscription.renewed", Value::Null)];
        insta::assert_snapshot!(table::snapshot(&items, COLUMNS));
    }
}
