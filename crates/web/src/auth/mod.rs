//! Who calls, and what they may do.

mod caller;
pub(crate) mod cookie;
pub(crate) mod hop;
mod known_client;
pub(crate) mod limit;
pub mod password;
pub(crate) mod session;
mod token;

pub use caller::{Admin, Anyone, Ingest, Reader};
pub use known_client::KnownClient;
pub use token::{Tokens, digest, new_token};
