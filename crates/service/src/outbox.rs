//! What the ERP's plugin hands over: rows of its outbox as triggers wrote them, and what they are about.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use gancho_model::{Origin, Record};

/// A look at an outbox.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct OutboxPayload {
    /// The database's clock, milliseconds since 1970.
    pub now_ms: i64,
    /// The tables that rows are of, by name.
    pub tables: BTreeMap<String, OutboxPayloadTable>,
    /// The oldest rows, in the order of their ids.
    pub rows: Vec<OutboxPayloadRow>,
    /// The documents that rows or their lines are of, as they are now.
    pub documents: Vec<OutboxPayloadDocument>,
    /// All rows of tables without which others can't be understood; once, and when something of ours was mended.
    #[serde(default)]
    pub known: BTreeMap<String, Vec<Record>>,
    /// The customers whom rows and documents are about: code, name, e-mail, tax number. Older plugins say nothing of them.
    #[serde(default)]
    pub customers: Vec<Record>,
    /// Whether more rows wait than are here.
    pub more: bool,
    /// Whether no look can show more of them at once: these are large. Older plugins say nothing of it.
    #[serde(default)]
    pub largest: bool,
    /// How the plugin is.
    pub status: PluginStatus,
}

/// A table of the ERP.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct OutboxPayloadTable {
    /// Its primary key.
    pub key: String,
    /// Columns, each with the database's name of its type.
    pub columns: Vec<(String, String)>,
}

/// A row of the outbox.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OutboxPayloadRow {
    /// Its key there.
    pub id: i64,
    /// Which connection of the ERP wrote it: a name that does not come back.
    pub mark: String,
    /// Its transaction, where the database knows it.
    pub tx: Option<String>,
    /// When, milliseconds since 1970 by the database's clock.
    pub at_ms: i64,
    /// The table; of an event of another plugin its type.
    pub table: String,
    /// `I`, `U`, `D`: what happened to the row. `E`: an event, whose data is `new`. `N`: a note on a user's
    /// session, `{"nick":…,"session":"login"|"logout"}` in `new`.
    pub op: String,
    /// The row before, or of an update at least what changed, without secrets.
    pub old: Option<Record>,
    /// The row after, without secrets.
    pub new: Option<Record>,
    /// Secrets that changed.
    pub secrets: Vec<String>,
    /// Whether its connection is in a transaction.
    pub busy: bool,
    /// Whether its connection is gone.
    pub gone: bool,
    /// Who wrote it, as JSON; older plugins say nothing of it.
    #[serde(default)]
    pub origin: Option<String>,
}

/// A document of the ERP as it is now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OutboxPayloadDocument {
    /// Its table.
    pub table: String,
    /// Its key.
    pub key: String,
    /// The row; nothing if it is gone.
    pub record: Option<Record>,
    /// Its lines.
    pub lines: Vec<Record>,
}

/// How the plugin is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PluginStatus {
    /// Its version.
    pub plugin: String,
    /// The ERP's version.
    pub erp: String,
    /// `triggers`, or `models` where the database's account may not make triggers.
    pub mode: String,
    /// Rows that wait in the outbox.
    pub backlog: u64,
    /// Changes that could not be written into the outbox.
    pub lost: u64,
    /// Changes that were not written because the outbox was full, or nobody took rows for too long. Older plugins say
    /// nothing of it.
    #[serde(default)]
    pub dropped: u64,
    /// Where the plugin is, if it has stopped because it finds itself in a copy of the ERP.
    #[serde(default)]
    pub copy: Option<String>,
    /// What does not work there, in the database's own words.
    pub error: Option<String>,
    /// Tables that make no events, because no single column names a row. Older plugins say nothing of it.
    #[serde(default)]
    pub unheard: Vec<String>,
    /// The ERP's users and the keys of its API, by their numbers and names. Older plugins say nothing of them.
    #[serde(default)]
    pub writers: Vec<Origin>,
}

/// What became of what was handed over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OutboxReceipt {
    /// Rows that are taken, and may be removed.
    pub taken: Vec<i64>,
    /// How many of these rows wait for their act to end: they are to be handed over again.
    pub waiting: usize,
}
