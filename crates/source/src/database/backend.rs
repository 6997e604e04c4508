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

/// The longest that the ERP's database may take for an answer.
const PATIENCE: Duration = Duration::from_secs(60);
/// The longest that connecting takes.
const CONNECT_PATIENCE: Duration = Duration::from_secs(10);

/// Why the ERP's database did not do as asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ErpError {
    /// It can't be reached, or said no to us.
    #[error("{1}")]
    Unreachable(Obstacle, String),
    /// The ERP holds a lock that we would have to wait for; we do not.
    #[error("the ERP is using the table just now: {0}")]
    Locked(String),
    /// A right is missing.
    #[error("a right is missing: {0}")]
    Denied(String),
    /// Something that we installed is not there.
    #[error("something of ours is missing in the ERP's database: {0}")]
    Missing(String),
    /// Anything else that it says.
    #[error("the ERP's database says: {0}")]
    Failed(String),
}

impl ErpError {
    /// The same for people.
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

/// One of our objects in the ERP's database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaObject {
    /// Its name, such as `trigger gancho_i_clientes`.
    pub name: String,
    /// Makes it, or makes it anew.
    pub create: String,
    /// Takes it away, if it is there.
    pub drop: String,
    /// By what it is known to be the right one, as the database shows it; empty if its being there is enough.
    pub mark: String,
    /// How it may look where older versions made it, each with the statement that brings it up to date.
    pub older: Vec<(&'static str, String)>,
}

/// A batch of outbox rows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OutboxBatch {
    /// Rows in the order of their keys.
    pub rows: Vec<OutboxRow>,
    /// Markers of changes that could not be written, and unreadable rows; they were counted and removed.
    pub lost: u32,
    /// The database's clock, milliseconds since 1970.
    pub now_ms: i64,
}

/// Changes that made no event, because no trigger wrote them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lost {
    /// Which could not be written or read.
    pub failed: u64,
    /// For which the outbox was full, or too old.
    pub dropped: u64,
}

/// A connection to the ERP's database. No call leaves a transaction open.
#[async_trait]
pub trait CaptureBackend: Send {
    /// What the database looks like.
    async fn schema(&mut self) -> Result<Schema, ErpError>;

    /// A cheap fingerprint of all columns; nothing where triggers see new columns by themselves.
    async fn columns_mark(&mut self) -> Result<Option<String>, ErpError>;

    /// What of ours should be there, in the order in which it is made.
    fn parts(&self, plan: &CapturePlan) -> Vec<SchemaObject>;

    /// What of ours is there: names, each with its mark.
    async fn installed(&mut self) -> Result<BTreeMap<String, String>, ErpError>;

    /// What takes away a part that is there by this name.
    fn drop_of(&self, name: &str) -> String;

    /// Runs a statement of ours that needs a table's lock, and waits shortly for it; hardly at all
    /// where nobody waits for us.
    async fn alter(&mut self, statement: &str, somebody_waits: bool) -> Result<(), ErpError>;

    /// The oldest rows of the outbox, at most so many.
    async fn look(&mut self, limit: u32) -> Result<OutboxBatch, ErpError>;

    /// Removes rows by their keys.
    async fn remove(&mut self, ids: &[i64]) -> Result<(), ErpError>;

    /// How many rows wait.
    async fn backlog(&mut self) -> Result<u64, ErpError>;

    /// How many changes at least triggers did not write since they were installed.
    async fn lost(&mut self) -> Result<Lost, ErpError>;

    /// Counts so many more changes of a table, of which no trigger could leave a mark.
    async fn note_lost(&mut self, table: &str, count: u64) -> Result<(), ErpError>;

    /// What distinguishes this database from another.
    async fn site(&mut self) -> Result<Site, ErpError>;

    /// What was written into it when it was set up.
    async fn set_up(&mut self) -> Result<Option<SetUp>, ErpError>;

    /// Writes that it is set up for this source, and that somebody who takes rows was here just now.
    async fn write_set_up(&mut self, set_up: &SetUp) -> Result<(), ErpError>;

    /// Removes all rows of the outbox; says how many.
    async fn empty(&mut self) -> Result<u64, ErpError>;

    /// Rows of a table whose column holds one of these values; all rows if no column is given.
    async fn records(
        &mut self,
        table: &CapturedTable,
        which: Option<(&str, &[String])>,
    ) -> Result<Vec<Record>, ErpError>;

    /// The next rows of a table in the order of its key: with greater keys, and of a day or later by this column.
    async fn records_after(
        &mut self,
        table: &CapturedTable,
        after: Option<&str>,
        since: Option<(&str, &str)>,
        limit: u32,
    ) -> Result<Vec<Record>, ErpError>;

    /// Facts for the check: what is well and what is not beyond the parts.
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

/// A text in quotes. Names of tables and columns only: values are always bound.
pub(crate) fn text(value: &str) -> String {
    quoted(value, '\'')
}

/// A name of at most so many bytes: of a longer one the end is a digest.
pub(crate) fn short(name: &str, most: usize) -> String {
    if name.len() <= most {
        return name.to_owned();
    }
    let hash: String = digest(name.as_bytes()).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let begin: String =
        name.char_indices().take_while(|(at, c)| at + c.len_utf8() <= most - 17).map(|(_, c)| c).collect();
    format!("{begin}_{hash}")
}

/// What happened, by its first letter.
pub(crate) fn operation(name: &str) -> Operation {
    match name.as_bytes().first() {
        Some(b'I') => Operation::Insert,
        Some(b'D') => Operation::Delete,
        _ => Operation::Update,
    }
}

/// A row as the database writes it.
pub(crate) fn record(text: &str) -> Option<Record> {
    serde_json::from_str(text).ok()
}

/// No connection that went dead may hold us up for ever.
pub(crate) async fn within<T>(work: impl Future<Output = Result<T, ErpError>>) -> Result<T, ErpError> {
    within_time(PATIENCE, work).await
}

/// The same while connecting, for which a person waits: what listens on a foreign port may never say a word.
pub(crate) async fn connecting<T>(work: impl Future<Output = Result<T, ErpError>>) -> Result<T, ErpError> {
    within_time(CONNECT_PATIENCE, work).await
}

async fn within_time<T>(time: Duration, work: impl Future<Output = Result<T, ErpError>>) -> Result<T, ErpError> {
    timeout(time, work)
        .await
        .unwrap_or_else(|_| Err(ErpError::Unreachable(Obstacle::Slow, "it does not answer".into())))
}
