//! Arguments shared by several commands.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// Where the settings are.
#[derive(Args, Clone, Default)]
pub struct LocalArgs {
    /// Settings file; gancho.toml in this folder if there is one.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Folder of the database and the key.
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<String>,
    /// A PostgreSQL database, postgres://user:password@host/name; SQLite in the data dir if left out.
    #[arg(long, value_name = "URL")]
    pub database_url: Option<String>,
}

/// How to serve.
#[derive(Args)]
pub struct ServeArgs {
    #[command(flatten)]
    pub local: LocalArgs,
    /// Address and port to listen on.
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub listen: Option<String>,
    /// The address under which people reach this server.
    #[arg(long, value_name = "URL")]
    pub public_url: Option<String>,
    /// Show what it does: a pretend ERP writes, webhooks hear it, and all of it goes with the process.
    #[arg(long, conflicts_with_all = ["data_dir", "database_url"])]
    pub demo: bool,
    /// text or json.
    #[arg(long, value_name = "FORMAT")]
    pub log_format: Option<String>,
}

/// A command that talks to a running server.
#[derive(Args)]
pub struct Remote<C: Subcommand> {
    #[command(subcommand)]
    pub command: C,
    #[command(flatten)]
    pub server: ServerArgs,
}

/// Which server.
#[derive(Args)]
pub struct ServerArgs {
    /// The server's address; that of this machine's server if left out, else http://127.0.0.1:8420.
    #[arg(long, global = true, env = "GANCHO_SERVER")]
    pub server: Option<String>,
    /// A token (gancho token create); not needed where the data dir of the server can be read.
    #[arg(long, global = true, env = "GANCHO_TOKEN", hide_env_values = true)]
    pub token: Option<String>,
    /// Settings file of this machine's server.
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Data dir of this machine's server.
    #[arg(long, global = true, value_name = "DIR")]
    pub data_dir: Option<String>,
    /// Certificates (PEM) to believe beside the system's, of a server with https.
    #[arg(long, global = true, value_name = "FILE", env = "GANCHO_TLS_CA_FILE")]
    pub ca_file: Option<PathBuf>,
    /// JSON instead of tables.
    #[arg(long, global = true)]
    pub json: bool,
}

/// An id of the API that is safe as part of a path.
///
/// # Errors
/// The format of an id.
pub fn id(text: &str) -> Result<String, String> {
    let is_id = !text.is_empty() && text.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
    if is_id { Ok(text.to_owned()) } else { Err("an id has letters, digits and _ only, such as ep_01m8…".into()) }
}
