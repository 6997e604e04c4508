//! Tells people by mail when something needs them: what to tell is decided by [`notice`], pure; what
//! was told is in the store, so that nobody is told twice, whatever happens to us.

pub mod notice;
mod post;
mod watch;

pub use post::{BadAddress, Post};
pub use watch::Watch;
