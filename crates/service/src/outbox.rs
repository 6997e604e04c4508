//! What the ERP's plugin sends: rows of its outbox as its triggers wrote them, with related records.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use gancho_model::{Origin, Record};

/// A batch of an outbox.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct OutboxPayload {
    /// The database's clock, milliseconds since 1970.
    pub now_ms: i64,
    /// The tables of the rows, by name.
    pub tables: BTreeMap<String, OutboxPayloadTable>,
    /// The oldest rows, in key order.
    pub rows: Vec<OutboxPayloadRow>,
    /// The current documents of the rows or their lines.
    pub documents: Vec<OutboxPayloadDocument>,
    /// All rows of tables needed to interpret others; sent once, and after a repair.
    #[serde(default)]
    pub known: BTreeMap<String, Vec<Record>>,
    /// The customers of rows and documents: code, name, e-mail, tax number. Absent in older plugins.
    #[serde(default)]
    pub customers: Vec<Record>,
    /// Whether more rows wait.
    pub more: bool,
    /// Whether this is the maximum batch, because its rows are large. Absent in older plugins.
    #[serde(default)]
    pub largest: bool,
    /// The plugin's status.
    pub status: PluginStatus,
}

/// A table of the ERP.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct OutboxPayloadTable {
    /// Its primary key.
    pub key: String,
    /// Columns, each with its type as the database names it.
    pub columns: Vec<(String, String)>,
}

/// A row of the outbox.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OutboxPayloadRow {
    /// Its key in the outbox.
    pub id: i64,
    /// The ERP's connection that wrote it: a name that is not reused.
    pub mark: String,
    /// Its transaction, if the database provides it.
    pub tx: Option<String>,
    /// Time of the change, milliseconds since 1970 by the database's clock.
    pub at_ms: i64,
    /// The table; for an event of another plugin its type.
    pub table: String,
    /// The operation on the row: `I`, `U`, `D`. `E`: an event, with its data in `new`. `N`: a note on a user's session,
    /// `{"nick":…,"session":"login"|"logout"}` in `new`.
    pub op: String,
    /// The row before, for an update at least the changed columns, without secrets.
    pub old: Option<Record>,
    /// The row after, without secrets.
    pub new: Option<Record>,
    /// Secrets that changed.
    pub secrets: Vec<String>,
    /// Whether its connection is in a transaction.
    pub busy: bool,
    /// Whether its connection is closed.
    pub gone: bool,
    /// Who made the change, as JSON; absent in older plugins.
    #[serde(default)]
    pub origin: Option<String>,
}

/// A current document of the ERP.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OutboxPayloadDocument {
    /// Its table.
    pub table: String,
    /// Its key.
    pub key: String,
    /// The row; `None` if it was deleted.
    pub record: Option<Record>,
    /// Its lines.
    pub lines: Vec<Record>,
}

/// The plugin's status.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PluginStatus {
    /// Its version.
    pub plugin: String,
    /// The ERP's version.
    pub erp: String,
    /// `triggers`, or `models` if the database account may not create triggers.
    pub mode: String,
    /// Number of rows in the outbox.
    pub backlog: u64,
    /// Changes that could not be written to the outbox.
    pub lost: u64,
    /// Changes dropped because the outbox was full, or rows were not taken for too long. Absent in older plugins.
    #[serde(default)]
    pub dropped: u64,
    /// The plugin's location, if it has stopped because it detected a copy of the ERP.
    #[serde(default)]
    pub copy: Option<String>,
    /// The current problem, as the database reports it.
    pub error: Option<String>,
    /// Tables without events, because no single column identifies a row. Absent in older plugins.
    #[serde(default)]
    pub unheard: Vec<String>,
    /// The ERP's users, and its API keys by number and name. Absent in older plugins.
    #[serde(default)]
    pub writers: Vec<Origin>,
}

/// The result of a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OutboxReceipt {
    /// Rows that were taken, and may be removed.
    pub taken: Vec<i64>,
    /// Number of rows that wait for their change group to complete: send them again.
    pub waiting: usize,
}
