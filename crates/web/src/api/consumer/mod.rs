//! Consumers: programs that read the feed at their own pace.

pub mod acknowledge;
pub mod create;
pub mod events;
pub mod list;
pub mod remove;
pub mod show;
mod view;
