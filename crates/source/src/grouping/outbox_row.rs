use gancho_intake::digest;
use gancho_model::{Operation, Origin, Record};
use gancho_store::ProcessedRow;

/// The transaction that wrote a row, within its connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Transaction {
    /// Unknown: written by triggers of an older version, or not determined.
    #[default]
    Unknown,
    /// None: the statement was committed by itself.
    Alone,
    /// In a transaction that was not determined: MariaDB's triggers check only at intervals, because of the cost.
    Unread,
    /// The transaction with this name. Different names are different transactions.
    Named(String),
}

impl Transaction {
    /// As triggers write it: `0` none, `-1` not determined, else a name.
    pub fn parse(text: Option<String>) -> Self {
        match text.as_deref() {
            None | Some("") => Self::Unknown,
            Some("0") => Self::Alone,
            Some("-1") => Self::Unread,
            Some(_) => Self::Named(text.unwrap_or_default()),
        }
    }

    /// Whether this row and the next one of its connection are in one transaction; `None` if only the clock can decide.
    /// When in doubt, they are: a group may be submitted with another, but a value that was never committed must not.
    pub(super) fn is_shared_with(&self, next: &Self) -> Option<bool> {
        match (self, next) {
            (Self::Unknown, _) | (_, Self::Unknown) => None,
            (Self::Alone, _) | (_, Self::Alone) => Some(false),
            (Self::Unread, _) | (_, Self::Unread) => Some(true),
            (Self::Named(one), Self::Named(other)) => Some(one == other),
        }
    }
}

/// A row of the outbox: one change of one row of the ERP.
#[derive(Clone, Debug, PartialEq)]
pub struct OutboxRow {
    /// Its key in the outbox.
    pub id: i64,
    /// The ERP's connection that wrote it: a name that is not reused.
    pub mark: String,
    /// Its transaction, if known.
    pub transaction: Transaction,
    /// Time of the change, milliseconds since 1970 by the database's clock.
    pub at_ms: i64,
    /// The table.
    pub table: String,
    /// The operation.
    pub operation: Operation,
    /// The row before, without secrets.
    pub before: Option<Record>,
    /// The row after, without secrets.
    pub after: Option<Record>,
    /// Secrets that changed.
    pub secrets: Vec<String>,
    /// Who made the change, if the plugin set it on the connection.
    pub origin: Option<Origin>,
    /// Whether its connection is in a transaction; `false` if unknown.
    pub busy: bool,
    /// Whether its connection is closed; `false` if unknown.
    pub gone: bool,
}

impl OutboxRow {
    /// Whether the required old and new rows could be read.
    pub fn is_whole(&self) -> bool {
        (self.before.is_some() || self.operation == Operation::Insert)
            && (self.after.is_some() || self.operation == Operation::Delete)
    }

    /// Identifies it if it appears again.
    pub fn key(&self) -> ProcessedRow {
        processed_row(self.id, &self.mark)
    }

    /// Completes its old row: for updates, triggers write only the columns of the old row that may matter.
    pub fn whole(mut self) -> Self {
        if let (Some(before), Some(after)) = (&mut self.before, &self.after) {
            for (column, value) in after {
                before.entry(column).or_insert_with(|| value.clone());
            }
        }
        self
    }
}

/// The origin from an outbox row; `None` if its text can't be parsed.
pub fn read_origin(text: Option<&str>) -> Option<Origin> {
    serde_json::from_str(text?).ok()
}

/// Identifies an outbox row: a restored database contains processed rows again, and reuses keys for new ones.
pub fn processed_row(id: i64, mark: &str) -> ProcessedRow {
    let [a, b, c, d, e, f, g, h, ..] = digest(mark.as_bytes());
    ProcessedRow { id, mark: i64::from_be_bytes([a, b, c, d, e, f, g, h]) }
}
