//! Changes of the ERP's rows.

mod input;
mod submit;

pub use input::{ChangeInput, ChangesInput};
