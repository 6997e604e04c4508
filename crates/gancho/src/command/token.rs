use gancho_model::{Ambient, Scope, Token, TokenId};
use gancho_web::auth;

use super::{Done, Failed, block_on, local_settings};
use crate::{ambient::Real, args::TokenCommand, wiring};

/// Prints the token alone, so that a script can take it.
pub fn run(command: TokenCommand) -> Done {
    let TokenCommand::Create { name, scope, local } = command;
    if name.trim().is_empty() || name.chars().count() > 100 || name.contains(char::is_control) {
        return Err(Failed::usage("the name must have 1 to 100 characters"));
    }
    let scope = Scope::parse(&scope).ok_or_else(|| Failed::usage("the scope must be admin, read or ingest"))?;
    let store = wiring::store(&local_settings(&local)?).map_err(Failed::start)?;
    let created_at = Real.now();
    let token = Token { id: TokenId::new(created_at, &Real), name, scope, created_at };
    let text = auth::new_token(&Real);
    block_on(store.add_token(token, auth::digest(&text)))?.map_err(Failed::refused)?;
    println!("{text}");
    Ok(())
}
