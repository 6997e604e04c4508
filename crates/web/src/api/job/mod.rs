//! Jobs: replays, resends, backfills.

pub mod go_on;
pub mod show;
pub mod view;
