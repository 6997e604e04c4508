//! The verbs, by who uses them.

pub mod accept;
pub mod access;
pub mod deliver;
pub mod endpoint;
pub mod history;
pub mod lease;
pub mod log;
pub mod snapshot;
pub mod source;
pub mod stats;
pub mod upkeep;
