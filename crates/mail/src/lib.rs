//! Alerts people by mail when something needs them: which alerts is decided by [`alert`], pure; what
//! they were alerted of is in the store, so that nobody is alerted twice, whatever happens to us.

pub mod alert;
mod alert_loop;
mod mailer;

pub use alert_loop::AlertLoop;
pub use mailer::{BadAddress, Mailer};
