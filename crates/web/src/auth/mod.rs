//! Who calls, and what they may do.

mod caller;
pub mod password;
mod token;

pub use caller::{Admin, Anyone, Ingest, Reader};
pub use token::{Tokens, digest, new_token};
