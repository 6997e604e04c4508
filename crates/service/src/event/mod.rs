//! Events that programs send.

mod input;
mod submit;
mod title;

pub use input::{EventData, EventInput, EventsInput};

pub use title::title;
