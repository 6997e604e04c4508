use clap::Parser;
use reqwest::Method;
use serde_json::json;

use crate::{api_client::ApiClient, args::ServerArgs, cli_error::CliResult, runtime::block_on, when};

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
    /// Also what arrived, and what was missed while disabled; else what failed.
    #[arg(long, conflicts_with = "missed")]
    all: bool,
    /// What was missed while disabled; else what failed.
    #[arg(long)]
    missed: bool,
    /// Only count.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    pub server: ServerArgs,
}

/// Sends again, and says how many.
pub fn run(args: &ReplayArgs, api: &ApiClient) -> CliResult {
    let only = match (args.all, args.missed) {
        (true, _) => "all",
        (_, true) => "missed",
        _ => "failed",
    };
    let (since, until) = (when::parse(&args.since)?, args.until.as_deref().map(when::parse).transpose()?);
    let body = json!({"since": since, "until": until, "events": args.events, "only": only, "dry_run": args.dry_run});
    let path = format!("endpoints/{}/replay", args.endpoint);
    let answer = block_on(api.call(Method::POST, &path, Some(body)))??;
    if api.json {
        say!("{answer}");
    } else if args.dry_run {
        say!("{} would be sent again", answer["count"]);
    } else {
        say!("{} are sent again", answer["count"]);
    }
    Ok(())
}
