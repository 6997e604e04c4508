//! REST hooks: how automation services subscribe by themselves (resthooks.org).

pub mod samples;
pub mod subscribe;
pub mod unsubscribe;
