//! What is kept about one customer.

pub mod erase;
pub mod export;
pub(crate) mod view;
