use std::time::Duration;

use clap::Parser;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{api_client::ApiClient, args::ServerArgs, cli_error::CliResult, runtime::block_on, when};

/// Interval between progress checks.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What to send again.
#[derive(Parser)]
pub struct ReplayArgs {
    /// To which webhook, ep_…
    #[arg(long)]
    endpoint: String,
    /// Events that arrived at this time or later: 1h, yesterday, 2026-03-01, or RFC 3339.
    #[arg(long)]
    since: String,
    /// And before this time.
    #[arg(long)]
    until: Option<String>,
    /// Types and patterns.
    #[arg(long, num_args = 1..)]
    events: Option<Vec<String>>,
    /// Only about this record, such as FacturaCliente:7.
    #[arg(long)]
    object: Option<String>,
    /// Also what arrived, and what it did not get; else what failed.
    #[arg(long, conflicts_with = "missed")]
    all: bool,
    /// What it did not get: while disabled, before a rule was changed, before it existed; else what failed.
    #[arg(long)]
    missed: bool,
    /// Only count.
    #[arg(long)]
    dry_run: bool,
    /// Stay, and print how far it is until all has ended.
    #[arg(long, conflicts_with = "dry_run")]
    follow: bool,
    #[command(flatten)]
    pub server: ServerArgs,
}

/// Starts the replay, and prints the number of events.
pub fn run(args: &ReplayArgs, api: &ApiClient) -> CliResult {
    let only = match (args.all, args.missed) {
        (true, _) => "all",
        (_, true) => "missed",
        _ => "failed",
    };
    let (since, until) = (when::parse(&args.since)?, args.until.as_deref().map(when::parse).transpose()?);
    let body = json!({"since": since, "until": until, "events": args.events, "object": args.object, "only": only,
        "dry_run": args.dry_run});
    let path = format!("endpoints/{}", args.endpoint);
    let answer = block_on(api.call(Method::POST, &format!("{path}/replay"), Some(body)))??;
    if api.json {
        say!("{answer}");
    } else if args.dry_run {
        say!("{} would be sent again", answer["count"]);
    } else {
        say!("{} are sent again", answer["count"]);
    }
    if args.follow { block_on(follow(api, &format!("{path}/job")))? } else { Ok(()) }
}

/// Prints the job's progress whenever it changes, until everything has ended.
async fn follow(api: &ApiClient, path: &str) -> CliResult {
    let mut last = Value::Null;
    loop {
        let job = api.call(Method::GET, path, None).await?;
        let figures = (&job["delivered"], &job["failed"], &job["waiting"]);
        if figures != (&last["delivered"], &last["failed"], &last["waiting"]) {
            match api.json {
                true => say!("{job}"),
                false => say!("{} delivered, {} failed, {} waiting", figures.0, figures.1, figures.2),
            }
        }
        if job["waiting"] == 0 && job["state"] != "running" {
            return Ok(());
        }
        last = job;
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
