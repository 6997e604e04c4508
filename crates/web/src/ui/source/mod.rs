//! Sources: connected ERPs.

pub mod change;
pub mod confirm;
pub mod create;
mod fill;
mod grants;
pub mod list;
pub mod pause;
pub mod remove;
pub mod show;
