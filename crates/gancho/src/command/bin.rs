use clap::Subcommand;
use reqwest::Method;
use serde_json::{Value, json};

use super::table::{self, Cell, Column};
use crate::{
    api_client::ApiClient,
    cli_error::CliResult,
    runtime::block_on,
    terminal::{self, Style, paint},
};

/// What to do with bins.
#[derive(Subcommand)]
pub enum BinCommand {
    /// Make one. Prints its URL.
    Create {
        /// How long it lives, seconds; 24 hours if left out.
        #[arg(long)]
        ttl_s: Option<u32>,
        /// The status that it answers.
        #[arg(long)]
        status: Option<u16>,
        /// How long it waits before, milliseconds.
        #[arg(long)]
        delay_ms: Option<u32>,
        /// What it answers, as plain text.
        #[arg(long)]
        body: Option<String>,
        /// Only each n-th request is answered so, the others with 200.
        #[arg(long)]
        every: Option<u32>,
        /// What goes wrong: reset (the connection, at once) or trickle (a byte of the body a second).
        #[arg(long)]
        fault: Option<String>,
    },
    /// List them.
    List,
    /// Show what one received.
    Show {
        /// bin_…
        #[arg(value_parser = crate::args::id)]
        id: String,
        /// Wait for more.
        #[arg(long)]
        follow: bool,
    },
    /// Remove one, with all that it received.
    Remove {
        /// bin_…
        #[arg(value_parser = crate::args::id)]
        id: String,
    },
}

const COLUMNS: &[Column] = &[
    Column::flexible("url", 0, |one| Cell::of(&one["url"])),
    Column::new("answers", 1, |one| Cell::plain(answers(&one["respond"]))),
    Column::new("expires", 2, |one| Cell::ago(&one["expires_at"])),
];

/// What a bin answers: status, delay, fault, and to how many requests.
fn answers(respond: &Value) -> String {
    let mut parts = vec![table::text(&respond["status"])];
    match respond["delay_ms"].as_u64() {
        Some(ms) if ms > 0 => parts.push(format!("after {ms} ms")),
        _ => {}
    }
    parts.extend(respond["fault"].as_str().map(ToOwned::to_owned));
    match respond["every"].as_u64() {
        Some(every) if every > 1 => parts.push(format!("1 in {every}")),
        _ => {}
    }
    parts.join(", ")
}

/// How long a follower waits before it retries.
const AGAIN: std::time::Duration = std::time::Duration::from_secs(1);

pub fn run(command: BinCommand, api: &ApiClient) -> CliResult {
    block_on(act(command, api))?
}

async fn act(command: BinCommand, api: &ApiClient) -> CliResult {
    match command {
        BinCommand::Create { ttl_s, status, delay_ms, body, every, fault } => {
            let respond = json!({"status": status, "delay_ms": delay_ms, "body": body, "every": every, "fault": fault});
            let made = api.call(Method::POST, "bins", Some(json!({"ttl_s": ttl_s, "respond": respond}))).await?;
            if api.json {
                say!("{made}");
            } else {
                say!("{}", table::text(&made["url"]));
                say!("watch it: gancho bin show {} --follow", table::text(&made["id"]));
            }
            Ok(())
        }
        BinCommand::List => {
            let page = api.call(Method::GET, "bins", None).await?;
            if api.json {
                say!("{}", page["data"]);
            } else {
                let none = "no bins: gancho bin create";
                table::print(page["data"].as_array().map_or(&[], Vec::as_slice), COLUMNS, none);
            }
            Ok(())
        }
        BinCommand::Show { id, follow } => show(&id, follow, api).await,
        BinCommand::Remove { id } => {
            api.act(Method::DELETE, &format!("bins/{id}"), None, &format!("removed {id}")).await
        }
    }
}

async fn show(id: &str, follow: bool, api: &ApiClient) -> CliResult {
    let mut after = "0".to_owned();
    let wait = if follow { "&wait=30" } else { "" };
    loop {
        let path = format!("bins/{id}/requests?after={after}{wait}");
        let page = match api.call(Method::GET, &path, None).await {
            // The server may be restarting: continue from the same position.
            Err(error) if follow && error.is_unreachable() => {
                complain!("gancho: {error}; trying again");
                tokio::time::sleep(AGAIN).await;
                continue;
            }
            page => page?,
        };
        let requests = page["data"].as_array().map_or(&[][..], Vec::as_slice);
        for request in requests {
            if api.json {
                say!("{request}");
            } else {
                print(request);
            }
        }
        if !follow && requests.is_empty() {
            return Ok(());
        }
        page["next"].as_str().unwrap_or_default().clone_into(&mut after);
    }
}

/// One request: its first line, header fields and body.
fn print(request: &Value) {
    let signature = match request["signature_valid"].as_bool() {
        Some(true) => paint("  signature right", Style::Good),
        Some(false) => paint("  signature wrong", Style::Bad),
        None => String::new(),
    };
    let (n, at) = (table::text(&request["n"]), request["at"].as_str().map(terminal::full).unwrap_or_default());
    let line = format!("#{n}  {}{}", table::text(&request["method"]), table::text(&request["path"]));
    say!("{}  {}{signature}", paint(&line, Style::Bold), paint(&at, Style::Dim));
    for pair in request["headers"].as_array().into_iter().flatten() {
        say!("  {}", paint(&format!("{}: {}", table::text(&pair[0]), table::text(&pair[1])), Style::Dim));
    }
    let body = request["body"].as_str().unwrap_or_default();
    if !body.is_empty() {
        say!("\n{}", body.trim_end());
    }
    say!("");
}
