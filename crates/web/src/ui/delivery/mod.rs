//! Deliveries: events on their way.

pub mod act;
pub mod filter;
pub mod list;
pub mod resend;
pub mod show;
mod signature;
