//! Events that programs send.

mod input;
mod submit;

pub use input::{EventData, EventInput, EventsInput};
