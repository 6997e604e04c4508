//! Listeners: programs on a developer's machine that read events and forward them.

pub mod events;
pub mod open;
pub mod report;
