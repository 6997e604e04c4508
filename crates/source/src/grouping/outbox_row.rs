use gancho_intake::digest;
use gancho_model::{Operation, Origin, Record};
use gancho_store::ProcessedRow;

/// Which transaction of its connection wrote a row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Transaction {
    /// Not known: written by triggers of an older version, or by something that did not know.
    #[default]
    Unknown,
    /// None: the statement committed by itself.
    Alone,
    /// In one that was not looked at: MariaDB's triggers look now and then only, since it costs.
    Unread,
    /// The one of this name. Two names are two transactions.
    Named(String),
}

impl Transaction {
    /// As triggers write it: `0` alone, `-1` unread, else a name.
    pub fn parse(text: Option<String>) -> Self {
        match text.as_deref() {
            None | Some("") => Self::Unknown,
            Some("0") => Self::Alone,
            Some("-1") => Self::Unread,
            Some(_) => Self::Named(text.unwrap_or_default()),
        }
    }

    /// Whether this row and the next one of its connection are of one transaction; nothing where nobody can say
    /// more than the clock. What is doubtful is one: an act may be submitted with another, but no value that nobody
    /// ever committed.
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
    /// Its key there.
    pub id: i64,
    /// Which connection of the ERP wrote it: a name that does not come back.
    pub mark: String,
    /// Its transaction, as far as that is known.
    pub transaction: Transaction,
    /// When, milliseconds since 1970 by the database's clock.
    pub at_ms: i64,
    /// The table.
    pub table: String,
    /// What happened.
    pub operation: Operation,
    /// The row before, without secrets.
    pub before: Option<Record>,
    /// The row after, without secrets.
    pub after: Option<Record>,
    /// Secrets that changed.
    pub secrets: Vec<String>,
    /// Who wrote it, where the plugin told its connection.
    pub origin: Option<Origin>,
    /// Whether its connection is in a transaction; no where that can't be seen.
    pub busy: bool,
    /// Whether its connection is gone; no where that can't be seen.
    pub gone: bool,
}

impl OutboxRow {
    /// Whether the sides that it must have could be read.
    pub fn is_whole(&self) -> bool {
        (self.before.is_some() || self.operation == Operation::Insert)
            && (self.after.is_some() || self.operation == Operation::Delete)
    }

    /// By what it is recognised should it come again.
    pub fn key(&self) -> ProcessedRow {
        processed_row(self.id, &self.mark)
    }

    /// With its old side whole: triggers write of an update's old row only what may be news.
    pub fn whole(mut self) -> Self {
        if let (Some(before), Some(after)) = (&mut self.before, &self.after) {
            for (column, value) in after {
                before.entry(column).or_insert_with(|| value.clone());
            }
        }
        self
    }
}

/// The origin in a row of the outbox; none where its text can't be parsed.
pub fn read_origin(text: Option<&str>) -> Option<Origin> {
    serde_json::from_str(text?).ok()
}

/// By what a row of an outbox is recognised: a database that is restored holds rows again from which events were made,
/// and gives their keys to new ones.
pub fn processed_row(id: i64, mark: &str) -> ProcessedRow {
    let [a, b, c, d, e, f, g, h, ..] = digest(mark.as_bytes());
    ProcessedRow { id, mark: i64::from_be_bytes([a, b, c, d, e, f, g, h]) }
}
