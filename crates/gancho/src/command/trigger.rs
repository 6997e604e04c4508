use std::{io::Write, os::unix::fs::OpenOptionsExt, time::Duration};

use gancho_facturascripts::event_types;
use gancho_model::{EventType, Pattern};
use gancho_service::input::SampleType;
use gancho_words::Words;
use reqwest::Method;
use serde_json::{Value, json};

use super::table::text;
use crate::{
    api_client::ApiClient,
    args::ServerArgs,
    cli_error::{CliError, CliResult},
    runtime::block_on,
    terminal::{Style, paint},
};

/// Sends a sample of a type.
#[derive(clap::Args)]
pub struct TriggerArgs {
    /// The type, such as invoice.paid
    #[arg(value_name = "TYPE")]
    kind: String,
    /// Only to this webhook, even if it is disabled or did not ask for the type.
    #[arg(long, value_name = "EP", value_parser = crate::args::id)]
    endpoint: Option<String>,
    /// Its data, {"object":{…}}, from a file, or - for standard input, instead of the sample's.
    #[arg(long, value_name = "FILE", conflicts_with = "edit")]
    data: Option<String>,
    /// Change the sample first, in $VISUAL or $EDITOR.
    #[arg(long)]
    edit: bool,
    /// So many times.
    #[arg(long, default_value_t = 1)]
    count: u32,
    /// At most so many a second.
    #[arg(long, value_name = "PER_SECOND")]
    rate: Option<f64>,
    #[command(flatten)]
    pub server: ServerArgs,
}

/// Sends samples with `"test":true` in their body, and prints each webhook's response.
pub fn run(args: &TriggerArgs, api: &ApiClient) -> CliResult {
    let pause = match args.rate {
        None => Duration::ZERO,
        Some(rate) if rate.is_finite() && rate > 0.0 => Duration::from_secs_f64(1.0 / rate),
        Some(_) => return Err(CliError::usage("--rate must be more than 0")),
    };
    block_on(send(args, pause, api))?
}

async fn send(args: &TriggerArgs, pause: Duration, api: &ApiClient) -> CliResult {
    let wrong = |wrong| CliError::because(format!("TYPE {}", Words::english().message(&wrong)));
    let SampleType(kind) = SampleType::new(&args.kind).map_err(wrong)?;
    let targets = targets(args, &kind, api).await?;
    let data = data(args, &kind)?;
    let (mut failed, mut sent) = (0, 0);
    for n in 0..args.count {
        if n > 0 {
            tokio::time::sleep(pause).await;
        }
        for (id, name) in &targets {
            let body = json!({"event": kind.as_str(), "data": data});
            sent += 1;
            // If one webhook refuses the sample, the others still get it.
            match api.call(Method::POST, &format!("endpoints/{id}/test?wait=true"), Some(body)).await {
                Ok(delivery) => {
                    failed += u32::from(delivery["state"] != "delivered");
                    print(&delivery, name, api);
                }
                Err(error) if targets.len() > 1 && error.is_refusal() => {
                    failed += 1;
                    refused(id, name, &error, api);
                }
                Err(error) => return Err(error),
            }
        }
    }
    if failed > 0 { Err(CliError::because(format!("{failed} of {sent} did not arrive"))) } else { Ok(()) }
}

/// The custom `data`; `None` for the sample's own.
fn data(args: &TriggerArgs, kind: &EventType) -> Result<Option<Value>, CliError> {
    let unreadable = |name: &str, error: std::io::Error| CliError::usage(format!("{name}: {error}"));
    let text = match &args.data {
        _ if args.edit => edited(kind)?,
        None => return Ok(None),
        Some(name) if name == "-" => {
            std::io::read_to_string(std::io::stdin()).map_err(|error| unreadable(name, error))?
        }
        Some(name) => std::fs::read_to_string(name).map_err(|error| unreadable(name, error))?,
    };
    serde_json::from_str(&text).map(Some).map_err(|error| CliError::usage(format!("that is no JSON: {error}")))
}

/// The sample as edited by the user.
fn edited(kind: &EventType) -> Result<String, CliError> {
    let editor = ["VISUAL", "EDITOR"].iter().find_map(|name| std::env::var(name).ok()).unwrap_or_else(|| "vi".into());
    let sample = Value::Object(event_types::sample(kind).0);
    let file = std::env::temp_dir().join(format!("gancho-{}-{}.json", kind.as_str(), std::process::id()));
    let text = serde_json::to_string_pretty(&sample).map_err(CliError::refused)?;
    let mut options = std::fs::OpenOptions::new();
    let mut draft = options.write(true).create_new(true).mode(0o600).open(&file).map_err(CliError::refused)?;
    draft.write_all(text.as_bytes()).map_err(CliError::refused)?;
    drop(draft);
    // Run by a shell, as git does: the variable may contain arguments.
    let ended = std::process::Command::new("sh").args(["-c", &format!("{editor} \"$1\""), "sh"]).arg(&file).status();
    let edited = std::fs::read_to_string(&file);
    let _ = std::fs::remove_file(&file);
    match ended {
        Ok(status) if status.success() => edited.map_err(CliError::refused),
        Ok(_) => Err(CliError::because(format!("{editor} ended with an error: nothing was sent"))),
        Err(error) => Err(CliError::refused(error)),
    }
}

/// Ids and names of the target webhooks.
async fn targets(args: &TriggerArgs, kind: &EventType, api: &ApiClient) -> Result<Vec<(String, String)>, CliError> {
    let named = |one: &Value| {
        let name = if one["name"].is_null() { &one["url"] } else { &one["name"] };
        (text(&one["id"]), text(name))
    };
    if let Some(id) = &args.endpoint {
        return Ok(vec![named(&api.call(Method::GET, &format!("endpoints/{id}"), None).await?)]);
    }
    let asks = |one: &Value| {
        let patterns = one["events"].as_array().into_iter().flatten().filter_map(Value::as_str);
        one["enabled"] == true && patterns.filter_map(|text| Pattern::parse(text).ok()).any(|one| one.matches(kind))
    };
    let all = api.pages("endpoints").await?;
    let targets: Vec<(String, String)> = all.iter().filter(|one| asks(one)).map(named).collect();
    if targets.is_empty() {
        return Err(CliError::because(format!("no enabled webhook asks for {kind}: give one with --endpoint")));
    }
    Ok(targets)
}

fn refused(id: &str, name: &str, error: &CliError, api: &ApiClient) {
    if api.json {
        say!("{}", json!({"endpoint_id": id, "state": "refused", "error": error.to_string()}));
    } else {
        say!("{}  {name}  {error}", paint("refused", Style::of_state("failed")));
    }
}

fn print(delivery: &Value, name: &str, api: &ApiClient) {
    if api.json {
        say!("{delivery}");
        return;
    }
    let state = text(&delivery["state"]);
    let last = delivery["attempts"].as_array().and_then(|attempts| attempts.last()).unwrap_or(&Value::Null);
    let answer = if last["status_code"].is_null() { &last["error"]["kind"] } else { &last["status_code"] };
    let (answer, ms, id) = (text(answer), text(&last["duration_ms"]), text(&delivery["id"]));
    say!("{}  {name}  {answer} in {ms} ms  {}", paint(&state, Style::of_state(&state)), paint(&id, Style::Dim));
}
