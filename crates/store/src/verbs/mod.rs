//! The methods of the store, by caller.

pub mod accept;
pub mod access;
pub mod bin;
pub mod consumer;
pub mod deliver;
pub mod endpoint;
pub mod history;
pub mod issue;
pub mod job;
pub mod lease;
pub mod log;
pub mod node;
pub mod personal_data;
pub mod search;
pub mod setting;
pub mod snapshot;
pub mod source;
pub mod stats;
pub mod upkeep;
