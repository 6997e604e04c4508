mod export;
mod fields;
mod show;

use std::io::IsTerminal as _;

use clap::Subcommand;
use gancho_facturascripts::event_types;
use gancho_model::Pattern;
use reqwest::Method;
use serde_json::{Map, Value, json};

use fields::{Fields, input};
use show::show;

use super::table::{self, Cell, Column};
use crate::{
    api_client::ApiClient,
    cli_error::{CliError, CliResult},
    runtime::block_on,
    terminal::{self, Style},
};

/// What to do with webhooks.
#[derive(Subcommand)]
pub enum EndpointCommand {
    /// Add a URL. Prints its secret.
    Add {
        /// Where to send.
        #[arg(required_unless_present = "events")]
        url: Option<String>,
        #[command(flatten)]
        fields: Fields,
        /// A secret of your own.
        #[arg(long)]
        secret: Option<String>,
    },
    /// Change what is given.
    Update {
        /// ep_…
        #[arg(value_parser = crate::args::id)]
        id: String,
        /// Where to send.
        #[arg(long)]
        url: Option<String>,
        #[command(flatten)]
        fields: Fields,
    },
    /// Show its secret.
    Secret {
        /// ep_…
        #[arg(value_parser = crate::args::id)]
        id: String,
    },
    /// List them.
    List,
    /// Print all with their secrets, as JSON, for the ERP's plugin to import.
    Export,
    /// Show one.
    Show {
        /// ep_…
        #[arg(value_parser = crate::args::id)]
        id: String,
    },
    /// Collect and send again.
    Enable {
        /// ep_…
        #[arg(value_parser = crate::args::id)]
        id: String,
    },
    /// Collect nothing; what waits keeps waiting.
    Disable {
        /// ep_…
        #[arg(value_parser = crate::args::id)]
        id: String,
    },
    /// Collect, but send nothing for now.
    Pause {
        /// ep_…
        #[arg(value_parser = crate::args::id)]
        id: String,
    },
    /// Send again what was collected.
    Resume {
        /// ep_…
        #[arg(value_parser = crate::args::id)]
        id: String,
    },
    /// The receiver was repaired: try now. A failing webhook gets one attempt, and everything if that succeeds.
    Retry {
        /// ep_…
        #[arg(value_parser = crate::args::id)]
        id: String,
    },
    /// Send a sample and show what came back.
    Test {
        /// ep_…
        #[arg(value_parser = crate::args::id)]
        id: String,
        /// The type of the sample.
        #[arg(long)]
        event: Option<String>,
    },
    /// Send a record as it is now, whatever the webhook asks for otherwise.
    Send {
        /// ep_…
        #[arg(value_parser = crate::args::id)]
        id: String,
        /// The ERP, src_…
        #[arg(long, value_parser = crate::args::id)]
        source: String,
        /// The ERP's model or table, such as FacturaCliente.
        #[arg(long)]
        model: String,
        /// Its primary key, such as the idfactura.
        #[arg(long)]
        key: String,
    },
    /// Change its secret; for a day both sign.
    RotateSecret {
        /// ep_…
        #[arg(value_parser = crate::args::id)]
        id: String,
        /// How long both sign, seconds.
        #[arg(long)]
        overlap_s: Option<u32>,
        /// End the overlap now.
        #[arg(long)]
        finish: bool,
    },
    /// Remove it; what waits is cancelled.
    Remove {
        /// ep_…
        #[arg(value_parser = crate::args::id)]
        id: String,
    },
}

const COLUMNS: &[Column] = &[
    Column::new("state", 0, |one| Cell::state(&state(one).into())),
    Column::flexible("name", 0, |one| Cell::plain(name(one))),
    Column::new("waiting", 1, |one| Cell::of(&one["health"]["pending"])),
    Column::new("last success", 2, |one| Cell::ago(&one["health"]["last_success_at"])),
    Column::flexible("events", 3, |one| Cell::of(&one["events"])),
    Column::flexible("url", 4, |one| Cell::of(&one["url"])),
    Column::new("id", 0, |one| Cell::new(table::text(&one["id"]), Style::Dim)),
];

/// The state, in the words of the pages. If the last attempts failed it is not shown as ok.
pub(super) fn state(endpoint: &Value) -> &str {
    let health = &endpoint["health"];
    match health["state"].as_str().unwrap_or_default() {
        _ if endpoint["disabled_reason"] == "listener" => "listen",
        "idle" => "new",
        "ok" if health["consecutive_failures"].as_u64().is_some_and(|failures| failures > 0) => "unsteady",
        state => state,
    }
}

/// Its display name: its name, otherwise its URL.
fn name(endpoint: &Value) -> String {
    table::text(if endpoint["name"].is_null() { &endpoint["url"] } else { &endpoint["name"] })
}

pub fn run(command: EndpointCommand, api: &ApiClient) -> CliResult {
    block_on(act(command, api))?
}

async fn act(command: EndpointCommand, api: &ApiClient) -> CliResult {
    let patch = async |id: &str, change: Value, done: &str| {
        api.act(Method::PATCH, &format!("endpoints/{id}"), Some(change), &format!("{done} {id}")).await
    };
    match command {
        EndpointCommand::Add { url, fields, secret } => {
            let (url, fields) = fields.with_url(url)?;
            let mut input = input(fields)?;
            if !input.contains_key("events") {
                return Err(CliError::usage("say what it gets: --events \"invoice.*\", or \"*\" for everything"));
            }
            input.insert("url".into(), url.into());
            input.extend(secret.map(|secret| ("secret".to_owned(), secret.into())));
            let added = api.call(Method::POST, "endpoints", Some(input.into())).await?;
            warn_of_unknown(&added["events"]);
            show(api, &added);
            if !api.json {
                say!(
                    "\nThe receiver verifies with the secret above. Try it: gancho endpoint test {}",
                    added["id"].as_str().unwrap_or_default()
                );
            }
            Ok(())
        }
        EndpointCommand::Update { id, url, fields } => {
            let mut input = input(fields)?;
            input.extend(url.map(|url| ("url".to_owned(), url.into())));
            if input.is_empty() {
                return Err(CliError::usage("say what to change, such as --name or --events"));
            }
            warn_of_unknown(&input.get("events").cloned().unwrap_or_default());
            patch(&id, input.into(), "changed").await
        }
        EndpointCommand::Secret { id } => secret(api, &id).await,
        EndpointCommand::List => list(api).await,
        EndpointCommand::Export => export::export(api).await,
        EndpointCommand::Show { id } => {
            show(api, &api.call(Method::GET, &format!("endpoints/{id}"), None).await?);
            Ok(())
        }
        EndpointCommand::Enable { id } => patch(&id, json!({"enabled": true}), "enabled").await,
        EndpointCommand::Disable { id } => {
            patch(&id, json!({"enabled": false}), "disabled: it collects nothing;").await
        }
        EndpointCommand::Pause { id } => patch(&id, json!({"paused": true}), "paused: it collects and waits;").await,
        EndpointCommand::Resume { id } => patch(&id, json!({"paused": false}), "resumed").await,
        EndpointCommand::Retry { id } => retry(api, &id).await,
        EndpointCommand::Test { id, event } => test(api, &id, event).await,
        EndpointCommand::Send { id, source, model, key } => {
            let body = json!({"source": source, "model": model, "key": key});
            let sent = api.call(Method::POST, &format!("endpoints/{id}/send"), Some(body)).await?;
            if api.json {
                say!("{sent}");
            } else {
                say!("on its way: gancho delivery show {}", table::text(&sent["delivery_id"]));
            }
            Ok(())
        }
        EndpointCommand::RotateSecret { id, overlap_s, finish } => rotate(api, &id, overlap_s, finish).await,
        EndpointCommand::Remove { id } => {
            api.call(Method::DELETE, &format!("endpoints/{id}"), None).await?;
            say!("removed {id}");
            Ok(())
        }
    }
}

/// Names patterns that no event of the catalogue matches: perhaps mistyped.
fn warn_of_unknown(events: &Value) {
    for pattern in events.as_array().into_iter().flatten().filter_map(Value::as_str) {
        let Ok(read) = Pattern::parse(pattern) else { continue };
        // Types that are not of an ERP's record.
        let is_own =
            ["endpoint.", "source."].iter().any(|own| pattern.starts_with(own)) || pattern.ends_with(".snapshot");
        if !is_own && !event_types::all().any(|known| read.matches(&known.event)) {
            complain!(
                "no event of the catalogue matches \"{pattern}\": mistyped, unless your own programs send it or further \
                 tables are captured"
            );
        }
    }
}

async fn rotate(api: &ApiClient, id: &str, overlap_s: Option<u32>, finish: bool) -> CliResult {
    let mut body = Map::new();
    if finish {
        body.insert("finish".into(), true.into());
    }
    body.extend(overlap_s.map(|overlap| ("overlap_s".to_owned(), overlap.into())));
    secrets(api, &api.call(Method::POST, &format!("endpoints/{id}/rotate-secret"), Some(body.into())).await?);
    Ok(())
}

async fn list(api: &ApiClient) -> CliResult {
    let all = api.pages("endpoints").await?;
    if api.json {
        say!("{}", Value::from(all));
    } else {
        table::print(&all, COLUMNS, "no webhooks yet; the first: gancho endpoint add URL --events \"invoice.*\"");
    }
    Ok(())
}

async fn retry(api: &ApiClient, id: &str) -> CliResult {
    let answer = api.call(Method::POST, &format!("endpoints/{id}/retry"), None).await?;
    match answer["pending"].as_u64() {
        _ if api.json => say!("{answer}"),
        Some(0) => say!("nothing waits; to see whether it works: gancho endpoint test {id}"),
        _ => say!("trying now; waiting: {}", answer["pending"]),
    }
    Ok(())
}

async fn test(api: &ApiClient, id: &str, event: Option<String>) -> CliResult {
    let body = event.map_or_else(|| json!({}), |event| json!({"event": event}));
    let delivery = api.call(Method::POST, &format!("endpoints/{id}/test?wait=true"), Some(body)).await?;
    let last = delivery["attempts"].as_array().and_then(|attempts| attempts.last()).unwrap_or(&Value::Null);
    if api.json {
        say!("{delivery}");
    }
    match delivery["state"].as_str() {
        Some("delivered") => {
            if !api.json {
                let body = last["response_body"].as_str().unwrap_or_default();
                say!("delivered: {} in {} ms, answer: {}", last["status_code"], last["duration_ms"], body.trim());
                say!("all of it: gancho delivery show {}", delivery["id"].as_str().unwrap_or_default());
            }
            Ok(())
        }
        Some("failed") => {
            let why = last["error"]["message"].as_str().unwrap_or("no reason is known");
            let body = last["response_body"].as_str().unwrap_or_default().trim();
            let answer = if body.is_empty() {
                String::new()
            } else {
                format!("\n  answer: {}", body.lines().next().unwrap_or_default())
            };
            let id = table::text(&delivery["id"]);
            let all = format!("\n  what to do: gancho delivery show {id}");
            Err(CliError::because(format!("the sample failed: {why}{answer}{all}")))
        }
        _ => Err(CliError::because("the sample still waits: see gancho delivery list")),
    }
}

/// Only the secret, for $(…) in scripts.
async fn secret(api: &ApiClient, id: &str) -> CliResult {
    let found = api.call(Method::GET, &format!("endpoints/{id}/secret"), None).await?;
    match found["secret"].as_str().filter(|_| !api.json && !std::io::stdout().is_terminal()) {
        Some(secret) => say!("{secret}"),
        None => secrets(api, &found),
    }
    Ok(())
}

/// The secret, and the previous one while both sign.
fn secrets(api: &ApiClient, secrets: &Value) {
    if api.json {
        say!("{secrets}");
        return;
    }
    let field = |name: &str| table::text_or_nothing(&secrets[name]);
    let until = secrets["both_until"].as_str().map(terminal::full).unwrap_or_default();
    table::print_facts(&[("secret", field("secret")), ("before it", field("previous")), ("both sign until", until)]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_fits_the_terminal() {
        let one = |state: &str, name: Value, url: &str, pending: u32| {
            json!({
                "id": "ep_01m8jf8pc3exzrzhbf8meg0afj", "name": name, "url": url, "events": ["invoice.*", "receipt.paid"],
                "health": {"state": state, "pending": pending, "last_success_at": "2020-01-01T10:00:00.000Z"},
            })
        };
        let items = [
            one("ok", json!("Tienda en línea"), "https://shop.example.com/webhooks/gancho", 0),
            one(
                "failing",
                json!("Contabilidad de la gestoría Pérez, Núñez y Asociados"),
                "https://books.example.com/h",
                41,
            ),
            one("disabled", Value::Null, "https://hooks.example.com/services/T0123/***", 7),
        ];
        insta::assert_snapshot!(table::snapshot(&items, COLUMNS));
    }
}
