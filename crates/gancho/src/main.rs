//! Gancho: webhooks for FacturaScripts.

#[macro_use]
mod say;

mod api_client;
mod args;
mod cli_error;
mod command;
mod config;
mod connections;
mod counting;
mod data_dir;
mod demo;
mod descriptors;
mod listen;
mod local_server;
mod logs;
mod probing;
mod runtime;
mod secret_key;
mod serve;
mod supervise;
mod system;
mod terminal;
mod when;
mod wiring;

use std::process::ExitCode;

use clap::Parser;

/// Requests are read, written and sent by different threads: memory is often freed by another thread.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let args = command::Args::parse();
    match command::run(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain!("gancho: {error}");
            error.exit_code()
        }
    }
}
