//! Changes: what happened to rows of the ERP.

mod input;
mod submit;

pub use input::{ChangeInput, ChangesInput};
