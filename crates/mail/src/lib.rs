//! Alerts users by mail: [`alert`] decides which, pure; the state is in the store, so that no alert is sent twice, even
//! after a crash.

pub mod alert;
mod alert_loop;
mod mailer;

pub use alert_loop::AlertLoop;
pub use mailer::{BadAddress, Mailer};
