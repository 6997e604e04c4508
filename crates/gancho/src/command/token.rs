use clap::Subcommand;
use gancho_model::Scope;
use gancho_service::{account::NewToken, input::Text};
use reqwest::Method;

use super::table::{self, Cell, Column};
use crate::{
    api_client::ApiClient,
    args::{LocalArgs, ServerArgs},
    cli_error::{CliError, CliResult},
    runtime::block_on,
    terminal::Style,
    wiring::{self, COMMAND_LINE},
};

/// What to do with tokens.
#[derive(Subcommand)]
pub enum TokenCommand {
    /// Make a token and print it; it is shown this once.
    Create {
        /// What it is for.
        #[arg(long)]
        name: String,
        /// admin: everything; read: looking; ingest: sending events and changes.
        #[arg(long, default_value = "admin", value_parser = ["admin", "read", "ingest"])]
        scope: String,
        #[command(flatten)]
        local: LocalArgs,
    },
    /// List them, without their texts.
    List(ServerArgs),
    /// Remove one: from the next second on it is refused.
    Remove {
        /// tok_…
        #[arg(value_parser = crate::args::id)]
        id: String,
        #[command(flatten)]
        server: ServerArgs,
    },
}

const COLUMNS: &[Column] = &[
    Column::flexible("name", 0, |one| Cell::of(&one["name"])),
    Column::new("scope", 0, |one| Cell::of(&one["scope"])),
    Column::new("made", 1, |one| Cell::ago(&one["created_at"])),
    Column::new("id", 0, |one| Cell::new(table::text(&one["id"]), Style::Dim)),
];

/// Creates, lists and removes tokens. `create` prints only the token, for scripts.
pub fn run(command: TokenCommand) -> CliResult {
    match command {
        TokenCommand::Create { name, scope, local } => create(name, &scope, &local),
        TokenCommand::List(server) => block_on(list(&ApiClient::new(&server)?))?,
        TokenCommand::Remove { id, server } => block_on(remove(&ApiClient::new(&server)?, &id))?,
    }
}

async fn list(api: &ApiClient) -> CliResult {
    let page = api.call(Method::GET, "tokens", None).await?;
    if api.json {
        say!("{}", page["data"]);
    } else {
        table::print(page["data"].as_array().map_or(&[], Vec::as_slice), COLUMNS, "no tokens: gancho token create");
    }
    Ok(())
}

async fn remove(api: &ApiClient, id: &str) -> CliResult {
    api.call(Method::DELETE, &format!("tokens/{id}"), None).await?;
    say!("removed {id}");
    Ok(())
}

fn create(name: String, scope: &str, local: &LocalArgs) -> CliResult {
    let name = Text::new(name).map_err(|_| CliError::usage("the name must have 1 to 100 characters"))?;
    let scope = Scope::parse(scope).ok_or_else(|| CliError::usage("the scope must be admin, read or ingest"))?;
    let accounts = wiring::accounts(local)?;
    let new = NewToken { name, scope: Some(scope) };
    let (_, text) = block_on(accounts.create_token(new, COMMAND_LINE))?.map_err(CliError::service)?;
    say!("{text}");
    Ok(())
}
