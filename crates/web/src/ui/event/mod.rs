//! Events: what happened, whether or not anybody asked for it.

pub mod list;
pub mod send;
pub mod show;
pub mod why;
