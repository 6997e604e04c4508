use base64::{Engine, engine::general_purpose::STANDARD};
use gancho_model::Ambient;

use super::Done;
use crate::ambient::Real;

/// Prints a new `secret_key`.
pub fn new() -> Done {
    let mut key = [0; 32];
    Real.fill(&mut key);
    say!("{}", STANDARD.encode(key));
    Ok(())
}
