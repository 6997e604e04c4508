//! Authentication and authorization.

mod caller;
mod client_connection;
pub(crate) mod cookie;
pub(crate) mod hop;
pub(crate) mod limit;
pub(crate) mod session;
mod token;

pub use caller::{Admin, Anyone, Ingest, Reader};
pub use client_connection::ClientConnection;
pub use gancho_service::account::digest;
pub use token::Tokens;
