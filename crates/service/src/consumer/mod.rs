//! Consumers: programs that read the feed at their own pace; their positions are stored here.

mod create;
mod input;
mod remove;
mod show;

pub use input::{AckInput, ConsumerName, NewConsumer, Start};
