//! Bins: temporary URLs that record requests.

pub mod act;
pub mod change;
pub mod create;
pub mod list;
pub mod show;
