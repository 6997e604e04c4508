//! One file a command.

/// Prints a line. Whoever reads may have seen enough (`| head`): then there is no more to do.
macro_rules! say {
    ($($part:tt)*) => { $crate::command::print_line(format_args!($($part)*)) };
}

pub mod bench;
mod config;
pub mod delivery;
mod doctor;
pub mod endpoint;
pub mod event;
mod key;
mod plugin;
pub mod replay;
pub mod source;
mod table;
mod token;
mod user;
pub mod verify;

use std::{fmt, process::ExitCode};

use crate::{
    api_client::ApiClient,
    args::{Args, Command, KeyCommand, LocalArgs, ServeArgs, ServerArgs},
    config::Settings,
    logs, serve,
};

/// A command that did not do what it was told: a sentence and an exit code.
#[derive(Debug)]
pub struct Failed {
    message: String,
    code: u8,
}

impl Failed {
    /// Refused or failed: exit code 1.
    pub fn refused(error: impl Into<anyhow::Error>) -> Self {
        Self { message: format!("{:#}", error.into()), code: 1 }
    }

    /// A bad setting, or what is in the way of a start: exit code 2.
    pub fn start(error: impl Into<anyhow::Error>) -> Self {
        Self { message: format!("{:#}", error.into()), code: 2 }
    }

    /// Refused, in these words.
    pub fn because(message: impl Into<String>) -> Self {
        Self { message: message.into(), code: 1 }
    }

    /// Used wrongly, in these words.
    pub fn usage(message: impl Into<String>) -> Self {
        Self { message: message.into(), code: 2 }
    }

    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.code)
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// What a command returns.
pub type Done = Result<(), Failed>;

/// Does what the arguments say.
pub fn run(args: Args) -> Done {
    match args.command {
        Command::Serve(args) => {
            let settings = serve_settings(&args)?;
            logs::start(&settings);
            serve::run(&settings)
        }
        Command::Config(local) => config::run(&local),
        Command::Doctor(local) => doctor::run(&local),
        Command::Key(KeyCommand::New) => key::new(),
        Command::User(command) => user::run(command),
        Command::Token(command) => token::run(command),
        Command::Endpoint(remote) => endpoint::run(remote.command, &client(&remote.server)?),
        Command::Source(remote) => source::run(remote.command, &client(&remote.server)?),
        Command::Event(remote) => event::run(remote.command, &client(&remote.server)?),
        Command::Delivery(remote) => delivery::run(remote.command, &client(&remote.server)?),
        Command::Replay(args) => replay::run(&args, &client(&args.server)?),
        Command::Verify(args) => verify::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Openapi => {
            say!("{}", gancho_web::api::document());
            Ok(())
        }
        Command::Plugin { out } => plugin::write(&out),
    }
}

fn serve_settings(args: &ServeArgs) -> Result<Settings, Failed> {
    let flags = [
        ("listen", args.listen.clone()),
        ("public_url", args.public_url.clone()),
        ("log_format", args.log_format.clone()),
    ];
    Settings::load(&args.local, &flags).map_err(Failed::start)
}

/// The settings of a command that works on the store itself.
fn local_settings(local: &LocalArgs) -> Result<Settings, Failed> {
    Settings::load(local, &[]).map_err(Failed::start)
}

fn client(server: &ServerArgs) -> Result<ApiClient, Failed> {
    ApiClient::new(server)
}

/// The same on as many threads as there are cores.
fn block_on_threads<T>(work: impl Future<Output = T>) -> Result<T, Failed> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Failed::refused)?;
    Ok(runtime.block_on(work))
}

/// See `say!`.
fn print_line(line: fmt::Arguments<'_>) {
    use std::io::Write;
    if writeln!(std::io::stdout(), "{line}").is_err() {
        std::process::exit(0);
    }
}

/// Runs a piece of asynchronous work to its end.
fn block_on<T>(work: impl Future<Output = T>) -> Result<T, Failed> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failed::refused)?;
    Ok(runtime.block_on(work))
}
