//! Which tables and columns of an ERP's database to capture. Pure.

mod capture_plan;
mod schema;

pub use capture_plan::CapturePlan;
pub(crate) use capture_plan::{CapturedTable, Uncaptured};
pub(crate) use schema::{Link, Schema, Table};
