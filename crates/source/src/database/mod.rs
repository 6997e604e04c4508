//! The ERP's database: triggers write every change of a watched row into an outbox, within the
//! ERP's own transaction; we take it from there.
//!
//! The two engines differ in their SQL ([`mariadb`], [`postgres`]); what to watch ([`crate::capture`]), which rows are one
//! act and what they say ([`crate::grouping`]) is the same for both, and pure.

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

/// What we call our things in the ERP's database: the outbox, and the first part of all other names.
pub(crate) const OUTBOX: &str = "gancho_outbox";
/// Counts what a trigger could not write.
pub(crate) const LOST: &str = "gancho_lost";

/// Says which installation of the ERP this database was set up for, and when it was watched last.
pub(crate) const SITE: &str = "gancho_site";
/// Rows in the outbox beyond which triggers only count what they don't write.
pub(crate) const OUTBOX_ROWS_MAX: u64 = 500_000;
/// Rows up to which an outbox may be of any age: an ERP that was closed for long has but few.
pub(crate) const OUTBOX_ROWS_SOME: u64 = 1_000;
/// Days without anybody who takes rows after which triggers only count what they don't write.
pub(crate) const OUTBOX_DAYS_MAX: u32 = 14;

/// Connects.
///
/// # Errors
/// [`ErpError::Unreachable`] says what stands in the way, without the password.
pub async fn connect(address: &Address) -> Result<Box<dyn CaptureBackend>, ErpError> {
    Ok(match address.engine() {
        Engine::MariaDb => Box::new(connecting(MariaDb::connect(address)).await?),
        Engine::Postgres => Box::new(connecting(Postgres::connect(address)).await?),
    })
}
