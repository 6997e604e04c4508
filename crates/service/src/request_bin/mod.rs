//! Bins: temporary URLs that record requests.

mod change;
mod create;
mod input;
mod receive;
mod remove;
mod webhook;

pub use input::{BinPatch, NewBin, RespondInput};
pub use receive::Incoming;
