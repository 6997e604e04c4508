use clap::Subcommand;
use gancho_model::{Message, Role, User};
use gancho_service::{
    Accounts,
    account::{NewPassword, NewPerson, PersonPatch},
    input::{Email, PersonName},
};
use gancho_words::{Language, Words};
use serde_json::json;

use super::table::{self, Cell, Column};

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
    /// List them.
    List(LocalArgs),
    /// Remove a person and their sessions.
    Remove {
        /// The name they sign in with.
        name: String,
        #[command(flatten)]
        local: LocalArgs,
    },
    /// Give a person another password, one line on standard input. Their sessions end.
    Passwd {
        /// The name they sign in with.
        name: String,
        #[command(flatten)]
        local: LocalArgs,
    },
}

/// Adds, lists, changes and removes users, in the data dir of this machine's server.
pub fn run(command: UserCommand) -> CliResult {
    match command {
        UserCommand::Add { name, role, email, language, local } => add(name, &role, email, language.as_deref(), &local),
        UserCommand::List(local) => list(&local),
        UserCommand::Remove { name, local } => remove(&name, &local),
        UserCommand::Passwd { name, local } => passwd(&name, &local),
    }
}

fn list(local: &LocalArgs) -> CliResult {
    let users = block_on(wiring::accounts(local)?.people())?.map_err(CliError::service)?;
    let row = |user: &User| json!({"name": user.name, "role": user.role.as_str(), "email": user.email, "added": user.created_at});
    let rows: Vec<_> = users.iter().map(row).collect();
    table::print(&rows, COLUMNS, "nobody yet: gancho user add NAME");
    Ok(())
}

fn remove(name: &str, local: &LocalArgs) -> CliResult {
    let accounts = wiring::accounts(local)?;
    let user = find(&accounts, name)?;
    block_on(accounts.remove_person(user.id, COMMAND_LINE))?.map_err(CliError::service)?;
    say!("removed {}", user.name);
    Ok(())
}

fn passwd(name: &str, local: &LocalArgs) -> CliResult {
    let accounts = wiring::accounts(local)?;
    let user = find(&accounts, name)?;
    let patch = PersonPatch { password: Some(password()?), ..PersonPatch::default() };
    block_on(accounts.update_person(user.id, patch, COMMAND_LINE))?.map_err(CliError::service)?;
    say!("{} has another password", user.name);
    Ok(())
}

fn find(accounts: &Accounts, name: &str) -> Result<User, CliError> {
    let users = block_on(accounts.people())?.map_err(CliError::service)?;
    let found = users.into_iter().find(|user| user.name.eq_ignore_ascii_case(name));
    found.ok_or_else(|| CliError::not_found(format!("nobody signs in as {name}: see gancho user list")))
}

/// A new password: one line on standard input, without its line end.
fn password() -> Result<NewPassword, CliError> {
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).map_err(CliError::refused)?;
    let text = line.trim_end_matches('\n').trim_end_matches('\r');
    NewPassword::new(text).map_err(|wrong| {
        CliError::because(format!("the password on standard input {}", Words::english().message(&wrong)))
    })
}

fn add(name: String, role: &str, email: Option<String>, language: Option<&str>, local: &LocalArgs) -> CliResult {
    let read = |field: &str, wrong: Message| CliError::usage(format!("{field}: {}", Words::english().message(&wrong)));
    let person = PersonName::new(name.clone()).map_err(|wrong| read("the name", wrong))?;
    let role = Role::parse(role).ok_or_else(|| CliError::usage("the role must be admin or viewer"))?;
    let email = email.map(Email::new).transpose().map_err(|wrong| read("the address", wrong))?;
    let new =
        NewPerson { name: person, role, password: password()?, email, language: language.and_then(Language::parse) };
    let accounts = wiring::accounts(local)?;
    block_on(accounts.add_person(new, COMMAND_LINE))?.map_err(CliError::service)?;
    say!("added {name} ({})", role.as_str());
    Ok(())
}

const COLUMNS: &[Column] = &[
    Column::flexible("name", 0, |one| Cell::of(&one["name"])),
    Column::new("role", 0, |one| Cell::of(&one["role"])),
    Column::flexible("email", 1, |one| Cell::of(&one["email"])),
    Column::new("added", 2, |one| Cell::ago(&one["added"])),
];
