//! Who calls, and what they may do.

mod acquaintance;
mod caller;
pub(crate) mod cookie;
pub(crate) mod hop;
pub(crate) mod limit;
pub mod password;
pub(crate) mod session;
mod token;

pub use acquaintance::Acquaintance;
pub use caller::{Admin, Anyone, Ingest, Reader};
pub use token::{Tokens, digest, new_token};
