//! What is kept about one customer: given to whoever asks for it, or erased (RGPD, articles 15 and 17).

mod erase;
mod export;
mod input;

pub use export::{PersonalCopy, SentCopy};
pub use input::PersonalDataInput;
