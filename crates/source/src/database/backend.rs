use std::{collections::BTreeMap, time::Duration};

use async_trait::async_trait;
use gancho_intake::digest;
use gancho_model::{Message, Operation, Record};
use tokio::time::timeout;

use super::site::{SetUp, Site};
use crate::{
    capture::{CapturePlan, CapturedTable, Schema},
    grouping::OutboxRow,
    obstacle::Obstacle,
};

/// Timeout of a statement.
const PATIENCE: Duration = Duration::from_secs(60);
/// Connect timeout.
const CONNECT_PATIENCE: Duration = Duration::from_secs(10);

/// Why an operation on the ERP's database failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ErpError {
    /// It can't be reached, or refused the connection.
    #[error("{1}")]
    Unreachable(Obstacle, String),
    /// The ERP holds a lock; we don't wait for it.
    #[error("the ERP is using the table just now: {0}")]
    Locked(String),
    /// A right is missing.
    #[error("a right is missing: {0}")]
    Denied(String),
    /// One of our objects is missing.
    #[error("something of ours is missing in the ERP's database: {0}")]
    Missing(String),
    /// Another error of the database.
    #[error("the ERP's database says: {0}")]
    Failed(String),
}

impl ErpError {
    /// The localized message.
    pub fn message(&self) -> Message {
        let (id, why) = match self {
            Self::Unreachable(obstacle, why) => {
                let message = Message::new("erp-unreachable").with("obstacle", obstacle.message());
                return message.with("why", why.as_str());
            }
            Self::Locked(why) => ("erp-locked", why),
            Self::Denied(why) => ("erp-denied", why),
            Self::Missing(why) => ("erp-missing", why),
            Self::Failed(why) => ("erp-failed", why),
        };
        Message::new(id).with("why", why.as_str())
    }
}

/// An object of ours in the ERP's database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaObject {
    /// Its name, such as `trigger gancho_i_clientes`.
    pub name: String,
    /// The statement that creates or replaces it.
    pub create: String,
    /// The statement that drops it if it exists.
    pub drop: String,
    /// Its expected definition as the database shows it; empty if existence is enough.
    pub mark: String,
    /// Definitions by older versions, each with the statement that upgrades it.
    pub older: Vec<(&'static str, String)>,
}

/// A batch of outbox rows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OutboxBatch {
    /// Rows in the order of their keys.
    pub rows: Vec<OutboxRow>,
    /// Unreadable rows and markers of changes that could not be written; they were counted and removed.
    pub lost: u32,
    /// The database's clock, milliseconds since 1970.
    pub now_ms: i64,
}

/// Dropped changes: no event was made, because no trigger wrote them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lost {
    /// Failed to be written or read.
    pub failed: u64,
    /// Not written because the outbox was full or too old.
    pub dropped: u64,
}

/// A connection to the ERP's database. No method leaves a transaction open.
#[async_trait]
pub trait CaptureBackend: Send {
    /// The database's schema.
    async fn schema(&mut self) -> Result<Schema, ErpError>;

    /// A cheap fingerprint of all columns; `None` if triggers include new columns automatically.
    async fn columns_mark(&mut self) -> Result<Option<String>, ErpError>;

    /// The objects to install, in order of creation.
    fn parts(&self, plan: &CapturePlan) -> Vec<SchemaObject>;

    /// The installed objects: names, each with its definition.
    async fn installed(&mut self) -> Result<BTreeMap<String, String>, ErpError>;

    /// The tables of installed triggers, by their names; without those that the catalogue does not show now.
    async fn tables_of(&mut self, triggers: &[&str]) -> Result<BTreeMap<String, String>, ErpError>;

    /// The statement that drops the installed object of this name.
    fn drop_of(&self, name: &str) -> String;

    /// Runs a DDL statement that needs a table lock. It waits briefly for the lock; in the background hardly at all.
    async fn alter(&mut self, statement: &str, somebody_waits: bool) -> Result<(), ErpError>;

    /// The oldest rows of the outbox, up to a limit.
    async fn look(&mut self, limit: u32) -> Result<OutboxBatch, ErpError>;

    /// Removes rows by their keys.
    async fn remove(&mut self, ids: &[i64]) -> Result<(), ErpError>;

    /// Number of rows in the outbox.
    async fn backlog(&mut self) -> Result<u64, ErpError>;

    /// Minimum number of changes that triggers failed to write since they were installed.
    async fn lost(&mut self) -> Result<Lost, ErpError>;

    /// Adds dropped changes of a table for which no trigger could leave a marker.
    async fn note_lost(&mut self, table: &str, count: u64) -> Result<(), ErpError>;

    /// The identity of this database.
    async fn site(&mut self) -> Result<Site, ErpError>;

    /// The setup record in the database.
    async fn set_up(&mut self) -> Result<Option<SetUp>, ErpError>;

    /// Writes the setup record for this source, with the time at which rows were last taken.
    async fn write_set_up(&mut self, set_up: &SetUp) -> Result<(), ErpError>;

    /// Removes all rows of the outbox; returns how many.
    async fn empty(&mut self) -> Result<u64, ErpError>;

    /// Rows of a table whose column has one of these values; all rows if no column is given.
    async fn records(
        &mut self,
        table: &CapturedTable,
        which: Option<(&str, &[String])>,
    ) -> Result<Vec<Record>, ErpError>;

    /// The next rows of a table in key order: with greater keys, and of this day or later by this column.
    async fn records_after(
        &mut self,
        table: &CapturedTable,
        after: Option<&str>,
        since: Option<(&str, &str)>,
        limit: u32,
    ) -> Result<Vec<Record>, ErpError>;

    /// Findings for the check, besides the installed objects.
    async fn facts(&mut self) -> Result<Vec<gancho_service::Finding>, ErpError>;

    /// Returns when the database notifies that rows wait; never where it can't.
    async fn rung(&mut self);

    /// Interval between polls while the outbox is empty, milliseconds.
    fn idle_ms(&self) -> u64;
}

/// A name in quotes.
pub(crate) fn quoted(name: &str, quote: char) -> String {
    let doubled: String = [quote, quote].iter().collect();
    format!("{quote}{}{quote}", name.replace(quote, &doubled))
}

/// A quoted string. Only for names of tables and columns: values are always bound.
pub(crate) fn text(value: &str) -> String {
    quoted(value, '\'')
}

/// A name of limited bytes: the end of a longer one is replaced by a digest.
pub(crate) fn short(name: &str, most: usize) -> String {
    if name.len() <= most {
        return name.to_owned();
    }
    let hash: String = digest(name.as_bytes()).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let begin: String =
        name.char_indices().take_while(|(at, c)| at + c.len_utf8() <= most - 17).map(|(_, c)| c).collect();
    format!("{begin}_{hash}")
}

/// The operation, by its first letter.
pub(crate) fn operation(name: &str) -> Operation {
    match name.as_bytes().first() {
        Some(b'I') => Operation::Insert,
        Some(b'D') => Operation::Delete,
        _ => Operation::Update,
    }
}

/// A row as the database encodes it.
pub(crate) fn record(text: &str) -> Option<Record> {
    serde_json::from_str(text).ok()
}

/// Applies the statement timeout, so that a dead connection does not block forever.
pub(crate) async fn within<T>(work: impl Future<Output = Result<T, ErpError>>) -> Result<T, ErpError> {
    within_time(PATIENCE, work).await
}

/// Applies the connect timeout, since a user waits: a server of another kind may never respond.
pub(crate) async fn connecting<T>(work: impl Future<Output = Result<T, ErpError>>) -> Result<T, ErpError> {
    within_time(CONNECT_PATIENCE, work).await
}

async fn within_time<T>(time: Duration, work: impl Future<Output = Result<T, ErpError>>) -> Result<T, ErpError> {
    timeout(time, work)
        .await
        .unwrap_or_else(|_| Err(ErpError::Unreachable(Obstacle::Slow, "it does not answer".into())))
}
