//! Consumers: programs that read the feed at their own pace, with a position that is kept here.

mod create;
mod input;
mod remove;
mod show;

pub use input::{AckInput, ConsumerName, NewConsumer, Start};
