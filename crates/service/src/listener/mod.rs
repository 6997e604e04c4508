//! Listeners: programs on a developer's machine that read events and forward them, recorded in the log.

mod input;
mod open;
mod report;

pub use input::{ForwardedInput, NewListener};
pub use open::Listener;
