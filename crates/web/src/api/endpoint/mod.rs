//! Endpoints: registered webhook URLs.

pub mod change;
pub mod check;
pub mod create;
pub mod list;
pub mod presets;
pub mod preview;
pub mod remove;
pub mod replay;
pub mod retry;
pub mod rotate;
pub mod secret;
pub mod send;
pub mod show;
pub mod test;
pub mod view;
