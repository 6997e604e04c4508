//! The ERP's database: triggers write every change of a captured row to an outbox within the ERP's transaction; we read
//! it from there.
//!
//! The engines differ in SQL ([`mariadb`], [`postgres`]); what to capture ([`crate::capture`]), and how rows are
//! grouped and composed ([`crate::grouping`]), is shared and pure.

mod address;
mod backend;
mod check;
mod install;
mod mariadb;
mod postgres;
mod run;
mod session;
pub(crate) mod site;
pub(crate) mod visit;
pub(crate) mod watcher;

pub use address::{Address, Engine};
use backend::connecting;
pub use backend::{CaptureBackend, ErpError, Lost};
pub use watcher::DatabaseWatcher;

use mariadb::MariaDb;
use postgres::Postgres;

/// The outbox's name in the ERP's database, and the prefix of all our names there.
pub(crate) const OUTBOX: &str = "gancho_outbox";
/// Counts changes that triggers could not write.
pub(crate) const LOST: &str = "gancho_lost";

/// Records the ERP installation that this database was set up for, and when rows were last taken.
pub(crate) const SITE: &str = "gancho_site";
/// Maximum rows in the outbox; beyond it, triggers only count changes.
pub(crate) const OUTBOX_ROWS_MAX: u64 = 500_000;
/// An outbox with at most this many rows may be of any age: an ERP unused for long has few.
pub(crate) const OUTBOX_ROWS_SOME: u64 = 1_000;
/// After this many days without a reader, triggers only count changes.
pub(crate) const OUTBOX_DAYS_MAX: u32 = 14;

/// Connects.
///
/// # Errors
/// [`ErpError::Unreachable`] with the reason, without the password.
pub async fn connect(address: &Address) -> Result<Box<dyn CaptureBackend>, ErpError> {
    Ok(match address.engine() {
        Engine::MariaDb => Box::new(connecting(MariaDb::connect(address)).await?),
        Engine::Postgres => Box::new(connecting(Postgres::connect(address)).await?),
    })
}
