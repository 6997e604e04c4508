//! Bins: temporary URLs that keep what they receive.

pub mod act;
pub mod change;
pub mod create;
pub mod list;
pub mod show;
