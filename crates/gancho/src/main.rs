//! Gancho: webhooks for FacturaScripts.

mod ambient;
mod api_client;
mod args;
mod command;
mod config;
mod logs;
mod serve;
mod wiring;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let args = args::Args::parse();
    match command::run(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("gancho: {error}");
            error.exit_code()
        }
    }
}
