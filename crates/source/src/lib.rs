//! What watches an ERP. Rows are taken and removed, never skipped by a cursor; what they mean is
//! for `intake` to say.

mod database;
mod hearing;

pub use hearing::{HearingOptions, Hearings};
