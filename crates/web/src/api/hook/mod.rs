//! REST hooks: subscriptions by automation services (resthooks.org).

pub mod samples;
pub mod subscribe;
pub mod unsubscribe;
