//! Tells people by mail when something needs them: what to tell is decided by [`alert`], pure; what
//! was told is in the store, so that nobody is told twice, whatever happens to us.

pub mod alert;
mod alert_loop;
mod mailer;

pub use alert_loop::AlertLoop;
pub use mailer::{BadAddress, Mailer};
