use clap::Subcommand;
use gancho_model::{Clock as _, Role, User, UserId};
use gancho_store::StoreError;
use gancho_web::auth::password;
use gancho_words::Words;

use crate::{
    args::LocalArgs,
    cli_error::{CliError, CliResult},
    config::Settings,
    runtime::block_on,
    system::System,
    wiring,
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
    if name.trim() != name || name.is_empty() || name.chars().count() > 100 || name.contains(char::is_control) {
        return Err(CliError::usage("the name must have 1 to 100 characters, without blanks around it"));
    }
    let role = Role::parse(&role).ok_or_else(|| CliError::usage("the role must be admin or viewer"))?;
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).map_err(CliError::refused)?;
    let password = line.trim_end_matches('\n').trim_end_matches('\r');
    let password_hash = password::hash(password, &System).map_err(CliError::because)?;
    let store =
        wiring::store_of_dir(&Settings::load(&local, &[]).map_err(CliError::start)?).map_err(CliError::start)?;
    let created_at = System.now();
    let user = User {
        id: UserId::new(created_at, &System),
        name: name.clone(),
        role,
        password_hash,
        email,
        language,
        time_zone: None,
        created_at,
    };
    block_on(store.add_user(user))?.map_err(|error| match error {
        StoreError::Conflict(message) => CliError::because(Words::english().message(&message)),
        other => CliError::refused(other),
    })?;
    say!("added {name} ({})", role.as_str());
    Ok(())
}
