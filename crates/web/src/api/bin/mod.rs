//! Bins: temporary URLs that keep what they receive.

pub mod change;
pub mod create;
pub mod list;
pub mod receive;
pub mod remove;
pub mod requests;
pub mod show;
mod view;
