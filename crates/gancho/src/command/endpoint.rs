use clap::Subcommand;
use reqwest::Method;
use serde_json::{Map, Value, json};

use super::table;
use crate::{
    api_client::ApiClient,
    cli_error::{CliError, CliResult},
    runtime::block_on,
};

/// What to do with webhooks.
#[derive(Subcommand)]
pub enum EndpointCommand {
    /// Add a URL. Prints its secret.
    Add {
        /// Where to send.
        url: String,
        /// Types and patterns, such as invoice.paid or customer.*
        #[arg(long, num_args = 1.., required = true, value_name = "PATTERN")]
        events: Vec<String>,
        /// What to call it.
        #[arg(long)]
        name: Option<String>,
        /// A secret of your own.
        #[arg(long)]
        secret: Option<String>,
        /// A header field to add, as "Name: value".
        #[arg(long = "header", value_name = "FIELD")]
        headers: Vec<String>,
        /// Only events of this source.
        #[arg(long = "source", value_name = "SRC")]
        sources: Vec<String>,
        /// Time limit of an attempt.
        #[arg(long)]
        timeout_ms: Option<u32>,
        /// At most so many attempts a second.
        #[arg(long)]
        rate_per_s: Option<u32>,
        /// At most so many attempts at once.
        #[arg(long)]
        max_in_flight: Option<u32>,
    },
    /// List them.
    List,
    /// Show one.
    Show {
        /// ep_…
        id: String,
    },
    /// Collect and send again.
    Enable {
        /// ep_…
        id: String,
    },
    /// Collect nothing; what waits keeps waiting.
    Disable {
        /// ep_…
        id: String,
    },
    /// Collect, but send nothing for now.
    Pause {
        /// ep_…
        id: String,
    },
    /// Send again what was collected.
    Resume {
        /// ep_…
        id: String,
    },
    /// The receiver was repaired: try now. A failing webhook gets one attempt, and everything if that succeeds.
    Retry {
        /// ep_…
        id: String,
    },
    /// Send a sample and show what came back.
    Test {
        /// ep_…
        id: String,
        /// The type of the sample.
        #[arg(long)]
        event: Option<String>,
    },
    /// Change its secret; for a day both sign.
    RotateSecret {
        /// ep_…
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
        id: String,
    },
}

const COLUMNS: &[(&str, &str)] = &[
    ("id", "/id"),
    ("name", "/name"),
    ("url", "/url"),
    ("events", "/events"),
    ("state", "/health/state"),
    ("waiting", "/health/pending"),
    ("failures", "/health/consecutive_failures"),
    ("last success", "/health/last_success_at"),
];

pub fn run(command: EndpointCommand, api: &ApiClient) -> CliResult {
    block_on(act(command, api))?
}

async fn act(command: EndpointCommand, api: &ApiClient) -> CliResult {
    let patch = async |id: &str, change: Value| {
        let changed = api.call(Method::PATCH, &format!("endpoints/{id}"), Some(change)).await?;
        show(api, &changed);
        Ok(())
    };
    match command {
        EndpointCommand::Add { .. } => {
            let added = api.call(Method::POST, "endpoints", Some(input(command)?)).await?;
            show(api, &added);
            if !api.json {
                say!(
                    "\nThe receiver verifies with the secret above. Try it: gancho endpoint test {}",
                    added["id"].as_str().unwrap_or_default()
                );
            }
            Ok(())
        }
        EndpointCommand::List => list(api).await,
        EndpointCommand::Show { id } => {
            show(api, &api.call(Method::GET, &format!("endpoints/{id}"), None).await?);
            Ok(())
        }
        EndpointCommand::Enable { id } => patch(&id, json!({"enabled": true})).await,
        EndpointCommand::Disable { id } => patch(&id, json!({"enabled": false})).await,
        EndpointCommand::Pause { id } => patch(&id, json!({"paused": true})).await,
        EndpointCommand::Resume { id } => patch(&id, json!({"paused": false})).await,
        EndpointCommand::Retry { id } => {
            let answer = api.call(Method::POST, &format!("endpoints/{id}/retry"), None).await?;
            if api.json {
                say!("{answer}");
            } else {
                say!("trying now; {} wait", answer["pending"]);
            }
            Ok(())
        }
        EndpointCommand::Test { id, event } => test(api, &id, event).await,
        EndpointCommand::RotateSecret { id, overlap_s, finish } => {
            let mut body = Map::new();
            if finish {
                body.insert("finish".into(), true.into());
            }
            body.extend(overlap_s.map(|overlap| ("overlap_s".to_owned(), overlap.into())));
            show(api, &api.call(Method::POST, &format!("endpoints/{id}/rotate-secret"), Some(body.into())).await?);
            Ok(())
        }
        EndpointCommand::Remove { id } => {
            api.call(Method::DELETE, &format!("endpoints/{id}"), None).await?;
            say!("removed {id}");
            Ok(())
        }
    }
}

fn input(command: EndpointCommand) -> Result<Value, CliError> {
    let EndpointCommand::Add { url, events, name, secret, headers, sources, timeout_ms, rate_per_s, max_in_flight } =
        command
    else {
        return Err(CliError::usage("nothing to add"));
    };
    let events: Vec<&str> = events.iter().flat_map(|part| part.split(',')).map(str::trim).collect();
    let mut fields = Map::new();
    for header in &headers {
        let (name, value) =
            header.split_once(':').ok_or_else(|| CliError::usage(format!("{header} is not \"Name: value\"")))?;
        fields.insert(name.trim().into(), value.trim().into());
    }
    Ok(json!({
        "url": url, "events": events, "name": name, "secret": secret, "headers": fields, "sources": sources,
        "timeout_ms": timeout_ms, "rate_per_s": rate_per_s, "max_in_flight": max_in_flight,
    }))
}

async fn list(api: &ApiClient) -> CliResult {
    let mut all = vec![];
    let mut path = "endpoints?limit=500".to_owned();
    loop {
        let page = api.call(Method::GET, &path, None).await?;
        all.extend(page["data"].as_array().into_iter().flatten().cloned());
        match page["next"].as_str() {
            Some(next) => path = format!("endpoints?limit=500&after={next}"),
            None => break,
        }
    }
    if api.json {
        say!("{}", Value::from(all));
    } else {
        table::print(&all, COLUMNS);
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
            Err(CliError::because(format!("the sample failed: {why}")))
        }
        _ => Err(CliError::because("the sample still waits: see gancho delivery list")),
    }
}

fn show(api: &ApiClient, value: &Value) {
    if api.json {
        say!("{value}");
    } else {
        table::print_one(value);
    }
}
