//! Sources: ERP installations.

mod backfill;
mod check;
mod confirm;
mod create;
mod input;
mod outbox;
mod pause;
mod remove;
mod update;

pub use backfill::{BackfillInput, Backfilled};
pub use create::SourceCreated;
pub use input::{NewSource, SourcePatch};
