//! Listeners: programs on somebody's own machine that ask for events and forward them, with a log here.

mod input;
mod open;
mod report;

pub use input::{ForwardedInput, NewListener};
pub use open::Listener;
