//! What can be said on the command line.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand};

use crate::command::{bench, delivery, endpoint, event, replay, source, verify};

/// Webhooks for FacturaScripts: every invoice, payment and customer, signed, at every URL that asked.
#[derive(Parser)]
#[command(version, about, propagate_version = true)]
pub struct Args {
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Subcommand)]
pub enum Command {
    /// Run the server.
    Serve(ServeArgs),
    /// Print the settings in force, with every default and its meaning.
    Config(LocalArgs),
    /// Look at settings, database, clock, sources, and whether webhooks can be reached.
    Doctor(LocalArgs),
    /// Keys that encrypt secrets at rest.
    #[command(subcommand)]
    Key(KeyCommand),
    /// People who may sign in.
    #[command(subcommand)]
    User(UserCommand),
    /// Tokens for programs.
    #[command(subcommand)]
    Token(TokenCommand),
    /// Webhooks: URLs that get events.
    Endpoint(Remote<endpoint::EndpointCommand>),
    /// ERPs that are heard.
    Source(Remote<source::SourceCommand>),
    /// Events: what happened.
    Event(Remote<event::EventCommand>),
    /// Deliveries: events on their way.
    Delivery(Remote<delivery::DeliveryCommand>),
    /// Send events again.
    Replay(replay::ReplayArgs),
    /// Check the signature of a body on standard input.
    Verify(verify::VerifyArgs),
    /// Measure it on this machine (with a release build).
    Bench(bench::BenchArgs),
    /// Print the OpenAPI document.
    Openapi,
    /// Write FacturaScripts' plugin as a zip, to be uploaded there.
    Plugin {
        /// Where to.
        #[arg(long, value_name = "FILE", default_value = "Gancho.zip")]
        out: PathBuf,
    },
}

/// Where the settings are.
#[derive(ClapArgs, Clone, Default)]
pub struct LocalArgs {
    /// Settings file; gancho.toml in this folder if there is one.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Folder of the database and the key.
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<String>,
    /// Empty: SQLite in the data dir.
    #[arg(long, value_name = "URL")]
    pub database_url: Option<String>,
}

/// How to serve.
#[derive(ClapArgs)]
pub struct ServeArgs {
    #[command(flatten)]
    pub local: LocalArgs,
    /// Address and port to listen on.
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub listen: Option<String>,
    /// The address under which people reach this server.
    #[arg(long, value_name = "URL")]
    pub public_url: Option<String>,
    /// text or json.
    #[arg(long, value_name = "FORMAT")]
    pub log_format: Option<String>,
}

/// A command that talks to a running server.
#[derive(ClapArgs)]
pub struct Remote<C: Subcommand> {
    #[command(subcommand)]
    pub command: C,
    #[command(flatten)]
    pub server: ServerArgs,
}

/// Which server.
#[derive(ClapArgs)]
pub struct ServerArgs {
    /// The server's address.
    #[arg(long, global = true, env = "GANCHO_SERVER", default_value = "http://127.0.0.1:8420")]
    pub server: String,
    /// A token (gancho token create).
    #[arg(long, global = true, env = "GANCHO_TOKEN", hide_env_values = true)]
    pub token: Option<String>,
    /// JSON instead of tables.
    #[arg(long, global = true)]
    pub json: bool,
}

/// What to do with keys.
#[derive(Subcommand)]
pub enum KeyCommand {
    /// Print a new secret_key.
    New,
}

/// What to do with people.
#[derive(Subcommand)]
pub enum UserCommand {
    /// Add a person; the password is one line on standard input.
    Add {
        /// The name to sign in with.
        name: String,
        /// admin or viewer.
        #[arg(long, value_parser = ["admin", "viewer"])]
        role: String,
        /// Where to tell them by mail when something fails.
        #[arg(long)]
        email: Option<String>,
        /// es or en; if left out, what their browser asks for.
        #[arg(long, value_parser = ["es", "en"])]
        language: Option<String>,
        #[command(flatten)]
        local: LocalArgs,
    },
}

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
        id: String,
        #[command(flatten)]
        server: ServerArgs,
    },
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_arguments_are_sound() {
        super::Args::command().debug_assert();
    }
}
