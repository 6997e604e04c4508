//! Listeners: programs on somebody's own machine that ask for events and forward them.

pub mod events;
pub mod open;
pub mod report;
