//! Sources: ERP installations.

pub mod backfill;
pub mod change;
pub mod check;
pub mod confirm;
pub mod create;
pub mod list;
pub mod remove;
pub mod show;
pub mod view;
