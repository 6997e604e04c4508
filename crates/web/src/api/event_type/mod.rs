//! Types of events.

pub mod list;
