//! Reads events from a server over an outgoing connection and forwards them to a program on this machine: no tunnel, no
//! public address. It reports a lost connection within five seconds, and misses no event after interruptions.

mod forward;
mod link;

use std::{sync::Arc, time::Duration};

use reqwest::Method;
use serde_json::{Value, json};

use self::{
    forward::{Event, Forwarder, NotRunning},
    link::{Link, Lost},
};
use super::table::text;
use crate::{
    api_client::ApiClient,
    args::ServerArgs,
    cli_error::{CliError, CliResult},
    runtime::block_on,
    terminal::{Style, paint},
    when,
};

/// Forwards events to a program on this machine.
#[derive(clap::Args)]
pub struct ListenArgs {
    /// Where to, such as http://localhost:8000/webhook
    #[arg(long, value_name = "URL")]
    forward_to: String,
    /// Types and patterns; everything if left out.
    #[arg(long, num_args = 1.., value_name = "PATTERN")]
    events: Vec<String>,
    /// Begin at this time (1h, yesterday, RFC 3339) or with "now"; where it stopped if left out, or with now the first time.
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// What it is called: under this name it goes on where it stopped. This machine and where to, if left out.
    #[arg(long)]
    name: Option<String>,
    /// Print each body.
    #[arg(long)]
    print: bool,
    /// How long the program may take for its answer, seconds.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3600))]
    timeout: u64,
    /// Take whatever certificate the program shows.
    #[arg(long)]
    insecure: bool,
    /// Milliseconds between two signs of life, for tests.
    #[arg(long, hide = true, default_value_t = 2_000)]
    beat_ms: u64,
    #[command(flatten)]
    pub server: ServerArgs,
}

/// Events per request.
const PAGE: u32 = 20;
/// Delay before a retry when the server or the program can't be reached.
const AGAIN: Duration = Duration::from_millis(500);

/// A listener, as the server opened it.
struct Listener {
    id: String,
    secret: String,
    position: u64,
    behind: u64,
    is_resumed: bool,
}

pub fn run(args: ListenArgs, api: ApiClient) -> CliResult {
    block_on(listen(args, Arc::new(api)))?
}

async fn listen(args: ListenArgs, api: Arc<ApiClient>) -> CliResult {
    let forwarder = Forwarder::new(&args.forward_to, Duration::from_secs(args.timeout), args.insecure)?;
    let name = args.name.clone().unwrap_or_else(|| format!("listen: {} → {}", host_name(), args.forward_to));
    let from = match args.from.as_deref() {
        None => None,
        Some("now" | "latest") => Some("latest".to_owned()),
        Some(text) => Some(when::parse(text)?),
    };
    let events: Vec<&str> = args.events.iter().flat_map(|part| part.split(',')).map(str::trim).collect();
    let new = |from: Option<&str>| {
        let events = Some(&events).filter(|events| !events.is_empty());
        json!({"name": name, "forward_to": args.forward_to, "events": events, "from": from})
    };
    let beat = Duration::from_millis(args.beat_ms.max(50));
    let link = Link::new(api.clone(), beat);
    // The first request's errors are reported to the user.
    let mut listener = open(&api.call(Method::POST, "listeners", Some(new(from.as_deref()))).await?);
    greet(&api, &args, &listener);
    tokio::spawn(link.clone().watch(listener.id.clone()));
    loop {
        match follow(&link, &forwarder, &mut listener, &args).await {
            Stop::Refused(error) => return Err(error),
            // Its endpoint was removed: open a new one, from the last forwarded event.
            Stop::Gone => {
                let after = listener.position;
                let mut again = new(None);
                again["from"] = after.into();
                let answer = link.insist(Method::POST, "listeners", Some(again)).await;
                listener = open(&answer.map_err(|lost| lost.into_error())?);
            }
        }
    }
}

fn open(answer: &Value) -> Listener {
    let number = |name: &str| answer[name].as_u64().unwrap_or_default();
    Listener {
        id: text(&answer["id"]),
        secret: text(&answer["secret"]),
        position: number("position"),
        behind: number("behind"),
        is_resumed: answer["resumed"] == true,
    }
}

fn greet(api: &ApiClient, args: &ListenArgs, listener: &Listener) {
    if api.json {
        return;
    }
    say!("connected to {}: events go to {}", api.server(), args.forward_to);
    say!("  the secret to verify with: {}", listener.secret);
    if listener.behind > 0 {
        let since = if listener.is_resumed { "since it stopped and" } else { "before and" };
        say!("  {} came {since} go first (--from now skips them)", listener.behind);
    }
    say!("  the log: {}/webhooks/{}", api.server(), listener.id);
}

/// Why following ended.
enum Stop {
    Gone,
    Refused(CliError),
}

/// Forwards events and reports the results, until the listener is removed.
async fn follow(link: &Link, forwarder: &Forwarder, listener: &mut Listener, args: &ListenArgs) -> Stop {
    let mut is_waiting = false;
    'pages: loop {
        let page = match link.events(&listener.id, listener.position, PAGE).await {
            Ok(page) => page,
            Err(Lost::Connection) => {
                tokio::time::sleep(AGAIN).await;
                continue;
            }
            Err(lost) => return lost.into_stop(),
        };
        for event in page["data"].as_array().into_iter().flatten() {
            let event = Event::of(event);
            let forwarded = match forwarder.forward(&event, &listener.secret).await {
                Ok(forwarded) => forwarded,
                Err(NotRunning) => {
                    if !std::mem::replace(&mut is_waiting, true) {
                        let to = &args.forward_to;
                        complain!("nothing answers at {to}: events wait until your program runs");
                    }
                    tokio::time::sleep(AGAIN).await;
                    // Asked for again: what the server erased meanwhile is not forwarded.
                    continue 'pages;
                }
            };
            is_waiting = false;
            print(&event, &forwarded, link, args);
            let path = format!("listeners/{}/attempts", listener.id);
            if let Err(lost) = link.insist(Method::POST, &path, Some(forwarded)).await {
                return lost.into_stop();
            }
            listener.position = event.sequence;
        }
        listener.position = page["next"].as_u64().unwrap_or(listener.position).max(listener.position);
    }
}

impl Lost {
    fn into_stop(self) -> Stop {
        match self {
            Self::Gone => Stop::Gone,
            other => Stop::Refused(other.into_error()),
        }
    }
}

/// One line: time, type, document, response, duration.
fn print(event: &Event, forwarded: &Value, link: &Link, args: &ListenArgs) {
    if link.api.json {
        let body: Value = serde_json::from_str(&event.body).unwrap_or_default();
        say!("{}", json!({"forwarded": forwarded, "event": body}));
        return;
    }
    let is_good = forwarded["error"].is_null();
    let answer = if forwarded["status_code"].is_null() {
        text(&forwarded["error"]["message"])
    } else {
        text(&forwarded["status_code"])
    };
    let at = text(&forwarded["at"]);
    let answer = paint(&answer, if is_good { Style::Good } else { Style::Bad });
    let (kind, document) = (paint(&event.kind, Style::Bold), event.document.as_deref().unwrap_or("–"));
    say!(
        "{}  {kind}  {document}  {answer}  {} ms",
        paint(&crate::terminal::clock(&at), Style::Dim),
        forwarded["duration_ms"]
    );
    if args.print {
        say!("{}", event.body);
    }
}

fn host_name() -> String {
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    if name.is_empty() { "this machine".to_owned() } else { name }
}
