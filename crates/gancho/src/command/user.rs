use gancho_model::{Ambient, Role, User, UserId};
use gancho_store::StoreError;
use gancho_web::auth::password;
use gancho_words::Words;

use super::{Done, Failed, block_on, local_settings};
use crate::{ambient::Real, args::UserCommand, wiring};

pub fn run(command: UserCommand) -> Done {
    let UserCommand::Add { name, role, email, language, local } = command;
    if name.trim() != name || name.is_empty() || name.chars().count() > 100 || name.contains(char::is_control) {
        return Err(Failed::usage("the name must have 1 to 100 characters, without blanks around it"));
    }
    let role = Role::parse(&role).ok_or_else(|| Failed::usage("the role must be admin or viewer"))?;
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).map_err(Failed::refused)?;
    let password = line.trim_end_matches('\n').trim_end_matches('\r');
    let password_hash = password::hash(password, &Real).map_err(Failed::because)?;
    let store = wiring::store(&local_settings(&local)?).map_err(Failed::start)?;
    let created_at = Real.now();
    let user = User {
        id: UserId::new(created_at, &Real),
        name: name.clone(),
        role,
        password_hash,
        email,
        language,
        time_zone: None,
        created_at,
    };
    block_on(store.add_user(user))?.map_err(|error| match error {
        StoreError::Conflict(said) => Failed::because(Words::english().said(&said)),
        other => Failed::refused(other),
    })?;
    say!("added {name} ({})", role.as_str());
    Ok(())
}
