//! Bins: temporary URLs that keep what they receive.

mod change;
mod create;
mod input;
mod receive;
mod remove;
mod webhook;

pub use input::{BinPatch, NewBin, RespondInput};
pub use receive::Incoming;
