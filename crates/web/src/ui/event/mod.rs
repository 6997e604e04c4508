//! Events, whether or not a webhook subscribes to them.

pub mod list;
pub mod send;
pub mod show;
pub mod why;
