//! Long work: replays, resends, existing records on their way.

pub mod go_on;
pub mod show;
pub mod view;
