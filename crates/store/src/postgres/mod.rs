//! The shared store: PostgreSQL, used by one or more nodes. Each node has one writer with group commit, and some reader
//! connections.

#[macro_use]
mod statement;

mod accept;
mod access;
mod address;
mod begin;
mod bin;
mod broadcast;
mod bulk;
mod cancel;
mod claim;
mod clock;
mod connector;
mod consumer;
mod copy;
mod customer;
mod endpoint;
mod follower;
mod forward;
mod history;
mod issue;
mod job;
mod lease;
mod list;
mod log;
mod membership;
mod new_rows;
mod numbers;
mod partition;
mod people;
mod personal_data;
mod processed;
mod record;
mod repair;
mod replay;
mod resend;
mod rows;
mod schema;
mod search;
mod served_endpoints;
mod serving;
mod setting;
mod snapshot;
mod source;
mod start;
mod stats;
mod upkeep;
mod vitals;
mod waiting;
mod write_context;
mod writer;

use std::sync::{Arc, OnceLock};

use gancho_model::{Environment, NodeId};
use sqlx::{Connection as _, PgConnection, PgPool, postgres::PgPoolOptions};

use crate::{
    DeliveryNotifier, StoreError,
    stored::{delivery::DeliveryReader, pending::Audience, routes::PublishedEndpoints},
    vault::Vault,
};
use broadcast::{Broadcaster, Subscriber};
use clock::SharedClock;
pub(crate) use copy::PostgresSide;
use write_context::WriteContext;
use writer::Writer;

/// Options for opening the store.
#[derive(Clone, Debug)]
pub struct Options {
    /// Maximum requests waiting for the writer.
    pub queue: usize,
    /// Number of reader connections.
    pub readers: u32,
    /// Whether deliveries that failed during an outage are resent when it is over.
    pub resend_after_outage: bool,
    /// The name of this node for users.
    pub name: String,
    /// Where to LISTEN for other nodes' messages; `None`: the address of the database. Through a pooler in transaction
    /// mode no notifications arrive; nodes poll instead.
    pub listen_url: Option<String>,
    /// Whether plans and leases use the database's clock, as several nodes must.
    pub shared_clock: bool,
    /// Certificates (PEM) of the authorities to trust where the address asks to verify the server and names none
    /// itself; otherwise the built-in ones.
    pub authorities: Option<Vec<u8>>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            queue: 4096,
            readers: 4,
            resend_after_outage: true,
            name: String::new(),
            listen_url: None,
            shared_clock: true,
            authorities: None,
        }
    }
}

/// Why the store can't be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The database can't be reached.
    #[error("the database on {host} can't be used: {error}")]
    Unreachable {
        /// Its host.
        host: String,
        /// The cause. Its text is part of the message, so it is no `source`, which would repeat it.
        error: sqlx::Error,
    },
    /// The database can't be used.
    #[error("the database can't be used: {0}")]
    Unusable(String),
    /// It was created by a newer version of Gancho.
    #[error("the database was made by a newer version of Gancho (schema {found}, this one knows {known})")]
    Newer {
        /// Its schema version.
        found: i64,
        /// The newest schema version that this program knows.
        known: i64,
    },
    /// It is an incomplete copy.
    #[error("the database is a copy that is not whole: run the same gancho migrate again, or make the database anew")]
    InParts,
    /// It was created with another `secret_key`.
    #[error("the database was made with another secret_key: give the one it was made with")]
    WrongKey,
}

impl From<sqlx::Error> for OpenError {
    fn from(error: sqlx::Error) -> Self {
        Self::Unusable(error.to_string())
    }
}

/// Shared by the readers and the writer.
#[derive(Clone)]
struct Shared {
    vault: Arc<Vault>,
    environment: Arc<dyn Environment>,
    clock: SharedClock,
    resend_after_outage: bool,
    notifier: Arc<OnceLock<Arc<dyn DeliveryNotifier>>>,
    /// This node's id, once it has taken over.
    node: Arc<OnceLock<NodeId>>,
    published: PublishedEndpoints,
    /// The name of this node for users.
    name: String,
    broadcaster: Arc<Broadcaster>,
}

/// The shared store, as used by one node.
pub struct PostgresStore {
    readers: PgPool,
    writer: Arc<Writer>,
    /// Connects to the address for LISTEN.
    listening: PgPool,
    shared: Shared,
    news: tokio::sync::watch::Receiver<u64>,
    pulse: tokio::sync::watch::Receiver<u64>,
}

impl PostgresStore {
    /// Opens a database and creates its schema if needed.
    ///
    /// # Errors
    /// [`OpenError`] states the reason, without any password.
    pub async fn open(
        url: &str,
        vault: Vault,
        environment: Arc<dyn Environment>,
        options: Options,
    ) -> Result<Self, OpenError> {
        let address = address::connect_options(url, options.authorities.clone())?;
        let listen_at = options.listen_url.as_deref().unwrap_or(url);
        let listen_at = address::connect_options(listen_at, options.authorities)?;
        let unreachable = |error| OpenError::Unreachable { host: address.get_host().to_owned(), error };
        let (mut db, address) = connector::connect_first(&address).await.map_err(unreachable)?;
        schema::migrate(&mut db, &vault).await?;
        let mut first = db.begin().await?;
        if copy::is_copy_in_parts(&mut first).await? {
            return Err(OpenError::InParts);
        }
        let clock = if options.shared_clock {
            SharedClock::read(&mut first, &*environment).await?
        } else {
            SharedClock::default()
        };
        let last = scalar!(first, i64, numbers::LAST).unwrap_or_default();
        first.commit().await?;
        let readers = PgPoolOptions::new()
            .max_connections(options.readers)
            .acquire_timeout(connector::CONNECT_MAX)
            .connect_lazy_with(address.clone().application_name("gancho"));
        let shared = Shared {
            vault: Arc::new(vault),
            environment,
            clock,
            resend_after_outage: options.resend_after_outage,
            notifier: Arc::default(),
            node: Arc::default(),
            published: PublishedEndpoints::default(),
            name: options.name,
            broadcaster: Arc::default(),
        };
        let (sender, news) = tokio::sync::watch::channel(last.unsigned_abs());
        let (beat, pulse) = tokio::sync::watch::channel(0);
        let audience = Audience { notifier: shared.notifier.clone(), news: sender, pulse: beat };
        let work_with = shared.clone();
        let context = async move || {
            let address = address.application_name("gancho writer");
            let db = connector::connect(&address).await?;
            let mut context = WriteContext::new((db, address), work_with, audience);
            context.publish_endpoints().await.map_err(|error| OpenError::Unusable(error.to_string()))?;
            Ok(context)
        };
        let writer = Arc::new(Writer::start(context, options.queue).await?);
        let listening = PgPoolOptions::new()
            .acquire_timeout(connector::CONNECT_MAX)
            .connect_lazy_with(listen_at.application_name("gancho listening"));
        Ok(Self { readers, writer, listening, shared, news, pulse })
    }

    /// From now on, follows other nodes' changes and publishes this node's.
    fn follow_others(&self, node: NodeId) {
        tokio::spawn(broadcast::run_broadcaster(Arc::downgrade(&self.shared.broadcaster), self.readers.clone()));
        tokio::spawn(waiting::count_regularly(Arc::downgrade(&self.writer), self.readers.clone()));
        let subscriber = Subscriber::open(self.listening.clone(), node);
        tokio::spawn(follower::follow(Arc::downgrade(&self.writer), node, subscriber));
    }

    /// Like [`write_now`](Self::write_now), after all ended attempts of this node are recorded.
    async fn write<T: Send + 'static>(
        &self,
        durable: bool,
        work: impl AsyncFnMut(&mut WriteContext) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.settle().await;
        self.write_now(durable, work).await
    }

    /// Runs a job in the writer's next transaction and returns once it is committed; flushed to disk if `durable`. The
    /// job may run twice, but is atomic. Outcomes may still wait to be recorded.
    async fn write_now<T: Send + 'static>(
        &self,
        durable: bool,
        mut work: impl AsyncFnMut(&mut WriteContext) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let after_new = async move |context: &mut WriteContext| {
            context.write_new().await?;
            context.mark_changed();
            work(context).await
        };
        self.writer.write(durable, after_new).await
    }

    /// A read transaction, after all ended attempts of this node are recorded.
    async fn read(&self) -> Result<sqlx::Transaction<'static, sqlx::Postgres>, StoreError> {
        self.settle().await;
        self.read_now().await
    }

    /// Flushes outcomes that the engine holds back.
    async fn settle(&self) {
        if let Some(notifier) = self.shared.notifier.get() {
            notifier.settle().await;
        }
    }

    /// A read-only transaction with one snapshot. Outcomes may still wait to be recorded; accepted events are visible.
    async fn read_now(&self) -> Result<sqlx::Transaction<'static, sqlx::Postgres>, StoreError> {
        Ok(self.readers.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?)
    }

    /// A reader of deliveries, by the clocks of this moment.
    fn reading(&self) -> DeliveryReader<'_> {
        self.shared.clock.reading(&self.shared.vault, self.shared.environment.moment())
    }
}

/// A connection, however it is owned.
type Db = PgConnection;

/// SQLSTATEs of conflicts between transactions (serialization failure, deadlock): retrying helps.
const RIVALRY: [&str; 2] = ["40001", "40P01"];

/// Whether a transaction was rolled back only because of a conflict with another.
pub(crate) fn is_rivalry(error: &StoreError) -> bool {
    matches!(error, StoreError::Busy(why) if RIVALRY.iter().any(|code| why.starts_with(code)))
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        let code = error.as_database_error().and_then(|error| error.code()).unwrap_or_default().into_owned();
        let is_busy = match &error {
            // Conflicts, resources, operator intervention, timeouts, and a primary that became a standby.
            sqlx::Error::Database(_) => {
                ["40", "53", "57", "55", "58", "25P0", "25006", "08"].iter().any(|class| code.starts_with(class))
            }
            // A connection cut within a response or the handshake causes protocol errors.
            sqlx::Error::Io(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed => true,
            _ => false,
        };
        if is_busy {
            Self::Busy(format!("{code} {error}").trim_start().to_owned())
        } else {
            Self::Broken(error.to_string())
        }
    }
}
