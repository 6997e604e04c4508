//! What tests stand on: a clock that is set by hand, a receiver that does as it is programmed, the real
//! binary on a port and in a folder of its own, real databases with tables
//! like the ERP's, and a fake of its API.

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

/// How long a test waits for what must come. Long: it is a limit, not a measure.
pub const PATIENCE: std::time::Duration = std::time::Duration::from_secs(60);
