//! Who calls, and what they may do.

mod caller;
pub(crate) mod cookie;
pub(crate) mod hop;
mod known_client;
pub(crate) mod limit;
pub(crate) mod session;
mod token;

pub use caller::{Admin, Anyone, Ingest, Reader};
pub use gancho_service::account::digest;
pub use known_client::KnownClient;
pub use token::Tokens;
