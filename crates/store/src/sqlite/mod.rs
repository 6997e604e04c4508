//! The embedded store: SQLite with one writer thread with group commit, and read-only connections.

mod accept;
mod access;
mod backup;
mod bin;
mod bulk;
mod cancel;
mod claim;
mod consumer;
mod copy;
mod customer;
mod endpoint;
mod forward;
mod history;
mod issue;
mod job;
mod lease;
mod list;
mod log;
mod membership;
mod numbers;
mod people;
mod personal_data;
mod processed;
mod readers;
mod record;
mod repair;
mod replay;
mod resend;
mod rows;
mod schema;
mod seal_urls;
mod search;
mod setting;
mod since;
mod snapshot;
mod source;
mod start;
mod stats;
mod upkeep;
mod waiting;
mod write_context;
mod writer;

use std::{
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use gancho_model::Environment;
use rusqlite::Connection;

use crate::{
    DeliveryNotifier, StoreError,
    stored::{pending::Audience, routes::PublishedEndpoints},
    vault::Vault,
};
pub use backup::{Backup, BackupError, back_up, check, restore};
pub(crate) use copy::SqliteSide;
use readers::Readers;
use write_context::WriteContext;
use writer::Writer;

/// The database's file name in the data dir.
pub const FILE: &str = "gancho.db";

/// Options for opening the store.
#[derive(Clone, Debug)]
pub struct Options {
    /// Maximum pages of the database; 0 for no limit.
    pub pages_max: u32,
    /// Maximum requests waiting for the writer.
    pub queue: usize,
    /// Whether deliveries that failed during an outage are resent when it is over.
    pub resend_after_outage: bool,
    /// The name of this node for users.
    pub name: String,
}

impl Default for Options {
    fn default() -> Self {
        Self { pages_max: 0, queue: 4096, resend_after_outage: true, name: String::new() }
    }
}

/// Why the store can't be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The database can't be opened or created.
    #[error("the database {path} can't be opened: {why}")]
    Unusable {
        /// Its file.
        path: PathBuf,
        /// SQLite's error.
        why: String,
    },
    /// This account may not read and write it.
    #[error(
        "the database {path} can't be opened: it belongs to the account number {owner}, and this one may not read and write \
         it. Run Gancho as that account, or give the file to the one it runs as, with chown"
    )]
    NotPermitted {
        /// Its file.
        path: PathBuf,
        /// The number of the account.
        owner: u32,
    },
    /// Its file has no bytes at all, so that everything in it is lost.
    #[error(
        "the database {path} is empty, with 0 bytes, as no version of Gancho leaves it: restore it from a copy, or remove \
         it to begin with nothing"
    )]
    Empty {
        /// Its file.
        path: PathBuf,
    },
    /// It was created by a newer version of Gancho.
    #[error("the database {path} was made by a newer version of Gancho (schema {found}, this one knows {known})")]
    Newer {
        /// Its file.
        path: PathBuf,
        /// Its schema version.
        found: u32,
        /// The newest schema version that this program knows.
        known: u32,
    },
    /// It is an incomplete copy.
    #[error("the database {path} is a copy that is not whole: run the same gancho migrate again, or remove the file")]
    InParts {
        /// Its file.
        path: PathBuf,
    },
    /// It was created with another `secret_key`.
    #[error("the database {path} was made with another secret_key: give the one it was made with")]
    WrongKey {
        /// Its file.
        path: PathBuf,
    },
}

/// The embedded store.
pub struct SqliteStore {
    /// Dropped before the writer, so that the last connection to close can checkpoint the WAL.
    readers: Arc<Readers>,
    writer: Writer,
    notifier: Arc<OnceLock<Arc<dyn DeliveryNotifier>>>,
    vault: Arc<Vault>,
    environment: Arc<dyn Environment>,
    published: PublishedEndpoints,
    waiting: waiting::WaitingCounts,
    leases: lease::LeaseTable,
    here: membership::Here,
    search: Arc<search::SearchIndex>,
    news: tokio::sync::watch::Receiver<u64>,
    pulse: tokio::sync::watch::Receiver<u64>,
}

impl SqliteStore {
    /// Opens the database of a data dir, or creates it.
    ///
    /// # Errors
    /// [`OpenError`] states the reason.
    pub fn open(
        data_dir: &Path,
        vault: Vault,
        environment: Arc<dyn Environment>,
        options: Options,
    ) -> Result<Self, OpenError> {
        let path = data_dir.join(FILE);
        match std::fs::symlink_metadata(&path) {
            Ok(file) if file.is_file() && file.len() == 0 => return Err(OpenError::Empty { path }),
            Ok(file) if !is_permitted(&path) => return Err(OpenError::NotPermitted { path, owner: file.uid() }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => schema::create(&path)?,
            // Other problems show when it is opened.
            _ => {}
        }
        let unusable = |error: rusqlite::Error| OpenError::Unusable { path: path.clone(), why: said(&error) };
        let mut db = Connection::open(&path).map_err(unusable)?;
        schema::prepare(&db, options.pages_max).map_err(unusable)?;
        schema::migrate(&mut db, &path, &vault, &*environment)?;
        if copy::is_copy_in_parts(&db).map_err(unusable)? {
            return Err(OpenError::InParts { path });
        }
        let vault = Arc::new(vault);
        let notifier = Arc::new(OnceLock::new());
        let readers = Arc::new(Readers::open(&path).map_err(unusable)?);
        let (last, _) = numbers::last_numbers(&db).map_err(unusable)?;
        let (sender, news) = tokio::sync::watch::channel(last.unsigned_abs());
        let (beat, pulse) = tokio::sync::watch::channel(0);
        let audience = Audience { notifier: notifier.clone(), news: sender, pulse: beat };
        let mut context = WriteContext::new(db, vault.clone(), environment.clone(), audience);
        context.resend_after_outage = options.resend_after_outage;
        // Changes count from here on.
        context.is_changed_by_others().map_err(unusable)?;
        context
            .publish_endpoints()
            .map_err(|error| OpenError::Unusable { path: path.clone(), why: error.to_string() })?;
        Ok(Self {
            published: context.published(),
            waiting: context.waiting(),
            writer: Writer::start(context, options.queue),
            readers,
            notifier,
            vault,
            environment,
            leases: lease::LeaseTable::default(),
            here: membership::Here::new(options.name),
            search: search::SearchIndex::of(data_dir),
            news,
            pulse,
        })
    }

    /// Like [`write_now`](Self::write_now), after all ended attempts are recorded; also for jobs that take long.
    async fn write<T: Send + 'static>(
        &self,
        durable: bool,
        work: impl FnMut(&mut WriteContext) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.settle().await;
        self.write_now(durable, work).await
    }

    /// Runs a job in the writer's next transaction and returns once it is committed; flushed to disk if `durable`. The
    /// job may run twice, but is atomic. Outcomes may still wait to be recorded.
    async fn write_now<T: Send + 'static>(
        &self,
        durable: bool,
        mut work: impl FnMut(&mut WriteContext) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let seen = move |context: &mut WriteContext| {
            context.pending.has_changed = true;
            work(context)
        };
        self.writer.write(durable, seen).await
    }

    /// Like [`read_now`](Self::read_now), after all ended attempts are recorded.
    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.settle().await;
        self.read_now(work).await
    }

    /// Runs a query on a read-only connection. Outcomes may still wait to be recorded; accepted events are visible.
    async fn read_now<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.readers.read(work).await
    }

    /// Flushes outcomes that the engine holds back.
    async fn settle(&self) {
        if let Some(notifier) = self.notifier.get() {
            notifier.settle().await;
        }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode::{
            CannotOpen, DatabaseBusy, DatabaseLocked, DiskFull, FileLockingProtocolFailed, OutOfMemory, ReadOnly,
            SystemIoFailure,
        };
        match error.sqlite_error_code() {
            Some(
                DatabaseBusy
                | DatabaseLocked
                | DiskFull
                | SystemIoFailure
                | ReadOnly
                | CannotOpen
                | OutOfMemory
                | FileLockingProtocolFailed,
            ) => Self::Busy(error.to_string()),
            _ => Self::Broken(said(&error)),
        }
    }
}

/// Whether this account may read and write a file. SQLite itself only answers that it can't open it.
fn is_permitted(path: &Path) -> bool {
    let opened = std::fs::OpenOptions::new().read(true).write(true).open(path);
    !opened.is_err_and(|error| error.kind() == std::io::ErrorKind::PermissionDenied)
}

/// What SQLite says, and what to do where its file is damaged.
fn said(error: &rusqlite::Error) -> String {
    use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
    match error.sqlite_error_code() {
        Some(DatabaseCorrupt | NotADatabase) => {
            format!("{error}: the file is damaged. Keep it, and put a copy back with gancho restore")
        }
        _ => error.to_string(),
    }
}
