//! What watches an ERP: its database, or its REST API. Rows of a database are taken and removed, never
//! skipped by a cursor; an API is asked again and compared. What it means is for `intake` to say.

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
