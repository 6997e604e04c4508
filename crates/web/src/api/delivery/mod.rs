//! Deliveries: events on their way.

pub mod cancel;
pub mod list;
pub mod retry;
pub mod show;
pub mod view;
