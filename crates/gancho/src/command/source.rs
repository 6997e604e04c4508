use clap::Subcommand;
use reqwest::Method;
use serde_json::{Value, json};

use super::table::{self, Cell, Column};
use crate::{
    api_client::ApiClient,
    cli_error::{CliError, CliResult},
    runtime::block_on,
    terminal::{self, Style, paint},
};

/// What to do with sources.
#[derive(Subcommand)]
pub enum SourceCommand {
    /// Add one.
    #[command(subcommand)]
    Add(AddCommand),
    /// List them.
    List,
    /// Show one: its state, when its last change came, how many rows wait in the ERP, and its last error.
    Show {
        /// src_…
        #[arg(value_parser = crate::args::id)]
        id: String,
    },
    /// Check what works and what is missing.
    Check {
        /// src_…
        #[arg(value_parser = crate::args::id)]
        id: String,
    },
    /// Confirm that it is the right ERP, after the source stopped because the database looks like a copy.
    Confirm {
        /// src_…
        #[arg(value_parser = crate::args::id)]
        id: String,
    },
    /// Take nothing from the ERP until it is resumed; what happens there waits there.
    Pause {
        /// src_…
        #[arg(value_parser = crate::args::id)]
        id: String,
    },
    /// Take what waits, and go on.
    Resume {
        /// src_…
        #[arg(value_parser = crate::args::id)]
        id: String,
    },
    /// Send existing records to one webhook, as noun.snapshot. It goes on where it was stopped with the --model and --after
    /// that it prints.
    Backfill {
        /// src_…
        #[arg(value_parser = crate::args::id)]
        id: String,
        /// The webhook, ep_…
        #[arg(long, value_parser = crate::args::id)]
        endpoint: String,
        /// The ERP's model or table, such as FacturaCliente; several, one after the other.
        #[arg(long, num_args = 1.., required = true)]
        model: Vec<String>,
        /// Only records of this day or later, such as 2026-01-01.
        #[arg(long)]
        since: Option<String>,
        /// After the record with this key, of the first model.
        #[arg(long)]
        after: Option<String>,
    },
    /// Remove one; its events stay.
    Remove {
        /// src_…
        #[arg(value_parser = crate::args::id)]
        id: String,
        /// Even if our triggers can't be taken out of the ERP's database.
        #[arg(long)]
        force: bool,
    },
}

/// How to connect the ERP.
#[derive(Subcommand)]
pub enum AddCommand {
    /// By its plugin. Prints the token to enter there.
    Plugin {
        #[command(flatten)]
        about: About,
    },
    /// By polling its REST API.
    Api {
        /// The ERP's address, as in the browser.
        #[arg(long)]
        url: String,
        /// A key of its API with the right to read.
        #[arg(long, env = "GANCHO_ERP_KEY", hide_env_values = true)]
        key: String,
        #[command(flatten)]
        about: About,
    },
    /// By triggers in its database.
    Database {
        /// mysql://USER:PASSWORD@HOST/DATABASE or postgres://USER:PASSWORD@HOST/DATABASE
        #[arg(long, env = "GANCHO_ERP_DATABASE_URL", hide_env_values = true)]
        url: String,
        /// Print the SQL that would be run, and do nothing.
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        about: About,
    },
}

/// What all kinds of sources have in common.
#[derive(clap::Args)]
pub struct About {
    /// What to call it.
    #[arg(long, default_value = "FacturaScripts")]
    name: String,
    /// The zone of its timestamps.
    #[arg(long)]
    time_zone: Option<String>,
    /// Models or tables to capture; those of the catalogue by default.
    #[arg(long, num_args = 1..)]
    models: Option<Vec<String>>,
}

impl About {
    fn body(&self, kind: &str) -> Value {
        json!({"kind": kind, "name": self.name, "time_zone": self.time_zone, "models": self.models})
    }
}

const COLUMNS: &[Column] = &[
    Column::new("state", 0, |one| Cell::state(&one["state"])),
    Column::flexible("name", 0, |one| Cell::of(&one["name"])),
    Column::new("kind", 1, |one| Cell::of(&one["kind"])),
    Column::new("last change", 2, |one| Cell::ago(&one["heard_at"])),
    Column::flexible("trouble", 3, |one| Cell::plain(table::text_or_nothing(&one["last_error"]))),
    Column::new("id", 0, |one| Cell::new(table::text(&one["id"]), Style::Dim)),
];

const CHECKS: &[Column] = &[
    Column::new(
        "",
        0,
        |one| if one["ok"] == true { Cell::new("ok", Style::Good) } else { Cell::new("BAD", Style::Bad) },
    ),
    Column::new("check", 0, |one| Cell::of(&one["name"])),
    Column::new("found", 0, |one| Cell::of(&one["message"])),
];

pub fn run(command: SourceCommand, api: &ApiClient) -> CliResult {
    block_on(act(command, api))?
}

async fn act(command: SourceCommand, api: &ApiClient) -> CliResult {
    match command {
        SourceCommand::Add(command) => add(command, api).await,
        SourceCommand::List => {
            let page = api.call(Method::GET, "sources", None).await?;
            if api.json {
                say!("{}", page["data"]);
            } else {
                let none = "no ERP is connected yet: gancho source add plugin, api or database";
                table::print(page["data"].as_array().map_or(&[], Vec::as_slice), COLUMNS, none);
            }
            Ok(())
        }
        SourceCommand::Show { id } => {
            show(api, &api.call(Method::GET, &format!("sources/{id}"), None).await?);
            Ok(())
        }
        SourceCommand::Check { id } => {
            let checked = api.call(Method::POST, &format!("sources/{id}/check"), None).await?;
            if api.json {
                say!("{checked}");
            } else {
                table::print(checked["checks"].as_array().map_or(&[], Vec::as_slice), CHECKS, "nothing to check");
            }
            if checked["ok"] == true { Ok(()) } else { Err(CliError::because("something is missing")) }
        }
        SourceCommand::Confirm { id } => {
            let done = format!("confirmed: {id} goes on");
            api.act(Method::POST, &format!("sources/{id}/confirm"), None, &done).await
        }
        SourceCommand::Pause { id } => pause(&id, true, api).await,
        SourceCommand::Resume { id } => pause(&id, false, api).await,
        SourceCommand::Backfill { id, endpoint, model, since, after } => {
            let page = json!({"endpoint": endpoint, "since": since});
            backfill(api, &id, (&model, after), page).await
        }
        SourceCommand::Remove { id, force } => {
            api.call(Method::DELETE, &format!("sources/{id}?force={force}"), None).await?;
            say!("removed {id}");
            Ok(())
        }
    }
}

async fn add(command: AddCommand, api: &ApiClient) -> CliResult {
    match command {
        AddCommand::Plugin { about } => {
            let made = api.call(Method::POST, "sources", Some(about.body("plugin"))).await?;
            show(api, &made);
            next(api, &enter(api));
            Ok(())
        }
        AddCommand::Api { url, key, about } => {
            let mut body = about.body("api");
            (body["url"], body["key"]) = (url.into(), key.into());
            let usual = "All is read once, which makes no events; from then on, what is new or changes does.";
            added(api, &api.call(Method::POST, "sources", Some(body)).await?, &about.name, usual);
            Ok(())
        }
        AddCommand::Database { url, dry_run, about } => {
            let mut body = about.body("database");
            (body["url"], body["dry_run"]) = (url.into(), dry_run.into());
            let made = api.call(Method::POST, "sources", Some(body)).await?;
            match made["sql"].as_str() {
                Some(sql) if !api.json => say!("{sql}"),
                _ => {
                    let usual =
                        "The triggers are in place. Save any record in the ERP: until then the state is waiting.";
                    added(api, &made, &about.name, usual);
                }
            }
            Ok(())
        }
    }
}

/// A source that was added, or the existing one of this ERP.
fn added(api: &ApiClient, source: &Value, name: &str, usual: &str) {
    show(api, source);
    if source["name"] == name {
        next(api, usual);
    } else {
        let known = table::text(&source["name"]);
        next(
            api,
            &format!("This ERP was connected already, as {known}: what was missing was mended, its name and id stay."),
        );
    }
}

async fn pause(id: &str, paused: bool, api: &ApiClient) -> CliResult {
    let done = if paused { "paused: what happens there waits there;" } else { "resumed" };
    let body = Some(json!({"paused": paused}));
    api.act(Method::PATCH, &format!("sources/{id}"), body, &format!("{done} {id}")).await
}

/// The user's next step.
fn next(api: &ApiClient, sentence: &str) {
    if !api.json {
        say!("\n{sentence}");
    }
}

/// What to enter on the plugin's page, with a note if the address can't work from elsewhere.
fn enter(api: &ApiClient) -> String {
    let address = api.server();
    let local = if api.is_local() {
        "\nThis address works only if FacturaScripts runs on this very machine. If it is elsewhere, let it reach Gancho (--listen \
         0.0.0.0:8420, or an https proxy with --public-url) and enter that address."
    } else {
        ""
    };
    format!("Enter {address} and this token on the plugin's page in FacturaScripts, and press its test.{local}")
}

/// A source: its status, then its settings.
fn show(api: &ApiClient, source: &Value) {
    if api.json {
        say!("{source}");
        return;
    }
    let field = |name: &str| table::text_or_nothing(&source[name]);
    let state = field("state");
    say!("{}  {}", paint(&field("name"), Style::Bold), paint(&state, Style::of_state(&state)));
    if let Some(error) = source["last_error"].as_str() {
        say!("{error}");
    }
    say!("");
    table::print_facts(&[
        ("token", field("token")),
        ("kind", field("kind")),
        ("url", field("url")),
        ("last change", source["heard_at"].as_str().map(terminal::ago).unwrap_or_default()),
        ("waiting there", field("backlog")),
        ("time zone", field("time_zone")),
        ("models", field("models")),
        ("id", field("id")),
    ]);
}

/// Sends page after page.
async fn backfill(
    api: &ApiClient,
    id: &str,
    (models, mut after): (&[String], Option<String>),
    mut page: Value,
) -> CliResult {
    for model in models {
        page["model"] = model.as_str().into();
        let (mut count, mut refused) = (0, 0);
        loop {
            page["after"] = json!(after);
            let answer = api.call(Method::POST, &format!("sources/{id}/backfill"), Some(page.clone())).await;
            let answer = answer.inspect_err(|_| {
                let from = after.as_ref().map(|after| format!(" --after {after}")).unwrap_or_default();
                complain!("{count} of {model} are on their way; to go on: --model {model}{from}");
            })?;
            count += answer["count"].as_u64().unwrap_or_default();
            refused += answer["refused"].as_u64().unwrap_or_default();
            after = answer["next"].as_str().map(ToOwned::to_owned);
            if after.is_none() {
                break;
            }
        }
        if api.json {
            say!("{}", json!({"model": model, "count": count, "refused": refused}));
        } else {
            let refused = if refused > 0 { format!(", {refused} could not be sent") } else { String::new() };
            say!("{model}: {count} are on their way{refused}");
        }
    }
    Ok(())
}
