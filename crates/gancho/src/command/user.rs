use clap::Subcommand;
use gancho_model::{Message, Role};
use gancho_service::{
    account::{NewPassword, NewPerson},
    input::{Email, PersonName},
};
use gancho_words::{Language, Words};

use crate::{
    args::LocalArgs,
    cli_error::{CliError, CliResult},
    runtime::block_on,
    wiring::{self, COMMAND_LINE},
};

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
        /// Address for alerts.
        #[arg(long)]
        email: Option<String>,
        /// es or en; if left out, what their browser asks for.
        #[arg(long, value_parser = ["es", "en"])]
        language: Option<String>,
        #[command(flatten)]
        local: LocalArgs,
    },
}

pub fn run(command: UserCommand) -> CliResult {
    let UserCommand::Add { name, role, email, language, local } = command;
    let read = |field: &str, wrong: Message| CliError::usage(format!("{field}: {}", Words::english().message(&wrong)));
    let person = PersonName::new(name.clone()).map_err(|wrong| read("the name", wrong))?;
    let role = Role::parse(&role).ok_or_else(|| CliError::usage("the role must be admin or viewer"))?;
    let email = email.map(Email::new).transpose().map_err(|wrong| read("the address", wrong))?;
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).map_err(CliError::refused)?;
    let password = line.trim_end_matches('\n').trim_end_matches('\r');
    let password = NewPassword::new(password)
        .map_err(|wrong| CliError::because(format!("the password {}", Words::english().message(&wrong))))?;
    let language = language.as_deref().and_then(Language::parse);
    let new = NewPerson { name: person, role, password, email, language };
    let accounts = wiring::accounts(&local)?;
    block_on(accounts.add_person(new, COMMAND_LINE))?.map_err(CliError::service)?;
    say!("added {name} ({})", role.as_str());
    Ok(())
}
