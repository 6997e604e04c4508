//! Test support: a manual clock, a programmable receiver, the real binary with its own port and folder, real databases
//! with the ERP's tables, and a fake of its API.

mod client;
mod clock;
mod database;
mod endpoint;
mod engine;
mod erp;
mod erp_api;
mod erp_php;
mod name_server;
mod pooler;
mod receiver;
mod relay;
mod server;

pub use client::DatabaseClient;
pub use clock::ManualClock;
pub use database::{Database, Instance, free_port};
pub use endpoint::endpoint;
pub use engine::Engine;
pub use erp_api::{Asked, ErpApi, FULL_KEY, Trap};
pub use erp_php::{ErpPhp, php};
pub use name_server::{Family, NameServer, Says};
pub use pooler::Pooler;
pub use receiver::{Received, Receiver, Respond};
pub use relay::Relay;
pub use server::{ADMIN_TOKEN, Answer, Server, ServerOptions};

/// Timeout for expected events. Generous: it is a limit, not a measure.
pub const PATIENCE: std::time::Duration = std::time::Duration::from_secs(60);
