//! Watches ERPs through their database or REST API. Outbox rows are taken and removed, never skipped by a cursor; an
//! API is polled and compared. `intake` interprets the changes.

mod api;
mod capture;
mod database;
mod grouping;
mod key;
mod manager;
mod obstacle;
mod options;
mod plugin;
mod report;
mod shared_status;

pub use api::PollingOptions;
pub use manager::SourceManager;
pub use options::SourceOptions;
