//! Deliveries of events.

pub mod act;
pub mod bulk;
pub mod filter;
pub mod list;
pub mod reason;
pub mod show;
mod signature;
