//! Which tables of an ERP's database are captured, and which of their columns. Pure.

mod capture_plan;
mod schema;

pub use capture_plan::CapturePlan;
pub(crate) use capture_plan::{CapturedTable, Uncaptured};
pub(crate) use schema::{Link, Schema, Table};
