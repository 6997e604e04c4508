//! One file per command.

mod backup;
mod bench;
mod bin;
mod config;
mod consumer;
mod delivery;
mod doctor;
mod endpoint;
mod event;
mod key;
mod listen;
mod migrate;
mod personal_data;
mod plugin;
mod replay;
mod source;
mod table;
mod token;
mod trigger;
mod user;
mod verify;

use std::path::PathBuf;

use anyhow::Context;
use clap::{CommandFactory, Parser, Subcommand};
use clap_complete::Shell;

use crate::{
    api_client::ApiClient,
    args::{LocalArgs, Remote, ServeArgs, ServerArgs},
    cli_error::{CliError, CliResult},
    config::Settings,
    demo::DemoFolder,
    logs, serve,
};

/// The exit codes.
const EXIT_CODES: &str = "Exit codes: 0 done, 1 refused or failed, 2 wrong usage or settings, 3 not found, 4 not allowed, \
    5 unreachable";

/// Webhooks for FacturaScripts: every invoice, payment and customer, signed, at every subscribed URL.
#[derive(Parser)]
#[command(version, about, propagate_version = true, after_help = EXIT_CODES)]
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
    Key(key::KeyCommand),
    /// People who may sign in.
    #[command(subcommand)]
    User(user::UserCommand),
    /// Tokens for programs.
    #[command(subcommand)]
    Token(token::TokenCommand),
    /// Webhooks: URLs that get events.
    Endpoint(Remote<endpoint::EndpointCommand>),
    /// Connected ERPs.
    Source(Remote<source::SourceCommand>),
    /// Events: what happened.
    Event(Remote<event::EventCommand>),
    /// Deliveries: events on their way.
    Delivery(Remote<delivery::DeliveryCommand>),
    /// Bins: temporary URLs that keep what they receive.
    Bin(Remote<bin::BinCommand>),
    /// What is kept about one customer: export it, or erase it.
    PersonalData(Remote<personal_data::PersonalDataCommand>),
    /// Consumers: programs that read the feed, and how far each has come.
    Consumer(Remote<consumer::ConsumerCommand>),
    /// Forward events to a program on this machine: no tunnel, no public address.
    Listen(listen::ListenArgs),
    /// Send events again.
    Replay(replay::ReplayArgs),
    /// Send a sample of a type to the webhooks that ask for it, and show what came back.
    Trigger(trigger::TriggerArgs),
    /// Check the signature of a body on standard input.
    Verify(verify::VerifyArgs),
    /// Measure it on this machine (with a release build).
    Bench(bench::BenchArgs),
    /// Print the OpenAPI document.
    Openapi,
    /// Print what completes commands in a shell.
    Completions {
        /// Which shell.
        shell: Shell,
    },
    /// Write the manual pages, one for each command.
    Man {
        /// The folder, which must be there.
        dir: PathBuf,
    },
    /// Copy the database to a file, also while a server works on it.
    Backup(backup::BackupArgs),
    /// Put such a copy into a data dir.
    Restore(backup::RestoreArgs),
    /// Copy everything from SQLite to PostgreSQL, or back; no server may work on either.
    Migrate(migrate::MigrateArgs),
    /// Write FacturaScripts' plugin as a zip, to be uploaded there.
    Plugin {
        /// Where to.
        #[arg(long, value_name = "FILE", default_value = "Gancho.zip")]
        out: PathBuf,
    },
}

/// Runs the command.
pub fn run(args: Args) -> CliResult {
    match args.command {
        Command::Serve(args) => {
            let folder = if args.demo { Some(DemoFolder::create()?) } else { None };
            let settings = match &folder {
                Some(folder) => folder.settings(&args)?,
                None => serve_settings(&args)?,
            };
            let logs = logs::start(&settings);
            serve::run(&settings, &logs)
        }
        Command::Config(local) => config::run(&local),
        Command::Doctor(local) => doctor::run(&local),
        Command::Backup(args) => backup::back_up(&args),
        Command::Restore(args) => backup::restore(&args),
        Command::Migrate(args) => migrate::run(&args),
        Command::Key(key::KeyCommand::New) => key::new(),
        Command::User(command) => user::run(command),
        Command::Token(command) => token::run(command),
        Command::Endpoint(remote) => endpoint::run(remote.command, &client(&remote.server)?),
        Command::Source(remote) => source::run(remote.command, &client(&remote.server)?),
        Command::Event(remote) => event::run(remote.command, &client(&remote.server)?),
        Command::Delivery(remote) => delivery::run(remote.command, &client(&remote.server)?),
        Command::Bin(remote) => bin::run(remote.command, &client(&remote.server)?),
        Command::PersonalData(remote) => personal_data::run(remote.command, &client(&remote.server)?),
        Command::Consumer(remote) => consumer::run(remote.command, &client(&remote.server)?),
        Command::Listen(args) => {
            let api = client(&args.server)?;
            listen::run(args, api)
        }
        Command::Replay(args) => replay::run(&args, &client(&args.server)?),
        Command::Trigger(args) => trigger::run(&args, &client(&args.server)?),
        Command::Verify(args) => verify::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Openapi => {
            say!("{}", gancho_web::api::document());
            Ok(())
        }
        Command::Completions { shell } => {
            let mut text = vec![];
            clap_complete::generate(shell, &mut Args::command(), "gancho", &mut text);
            say!("{}", String::from_utf8_lossy(&text).trim_end());
            Ok(())
        }
        Command::Man { dir } => {
            let made = std::fs::create_dir_all(&dir);
            let written = made.and_then(|()| clap_mangen::generate_to(Args::command(), &dir));
            written.with_context(|| format!("{} can't be written", dir.display())).map_err(CliError::refused)
        }
        Command::Plugin { out } => plugin::write(&out),
    }
}

fn serve_settings(args: &ServeArgs) -> Result<Settings, CliError> {
    let flags = [
        ("listen", args.listen.clone()),
        ("public_url", args.public_url.clone()),
        ("log_format", args.log_format.clone()),
    ];
    Settings::load(&args.local, &flags).map_err(CliError::start)
}

fn client(server: &ServerArgs) -> Result<ApiClient, CliError> {
    ApiClient::new(server)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_arguments_are_sound() {
        super::Args::command().debug_assert();
    }
}
