use base64::{Engine, engine::general_purpose::STANDARD};
use clap::Subcommand;
use gancho_model::Ambient;

use crate::{ambient::Real, failed::Done};

/// What to do with keys.
#[derive(Subcommand)]
pub enum KeyCommand {
    /// Print a new secret_key.
    New,
}

/// Prints a new `secret_key`.
pub fn new() -> Done {
    let mut key = [0; 32];
    Real.fill(&mut key);
    say!("{}", STANDARD.encode(key));
    Ok(())
}
