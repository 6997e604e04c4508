//! Events: sent by programs, read as a feed.

pub mod feed;
pub mod follow;
pub mod send;
pub mod show;
pub mod view;
