use base64::{Engine, engine::general_purpose::STANDARD};
use clap::Subcommand;
use gancho_model::Rng as _;

use crate::{cli_error::CliResult, system::System};

/// What to do with keys.
#[derive(Subcommand)]
pub enum KeyCommand {
    /// Print a new secret_key.
    New,
}

/// Prints a new `secret_key`.
pub fn new() -> CliResult {
    let mut key = [0; 32];
    System.fill(&mut key);
    say!("{}", STANDARD.encode(key));
    Ok(())
}
