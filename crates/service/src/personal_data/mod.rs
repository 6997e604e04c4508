//! Data about one customer: access and erasure (RGPD, articles 15 and 17).

mod erase;
mod export;
mod input;

pub use export::{PersonalCopy, SentCopy};
pub use input::PersonalDataInput;
