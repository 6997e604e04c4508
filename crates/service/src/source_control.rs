use async_trait::async_trait;

use gancho_model::{Message, ObjectKey, Origin, Record, Source, SourceId, Timestamp};

use crate::{
    Finding,
    outbox::{OutboxPayload, OutboxReceipt, PluginStatus},
};

/// Controls the watched ERPs; the crate that watches them implements this. A plugin pushes by itself, so there is
/// nothing to install and little to check.
#[async_trait]
pub trait SourceControl: Send + Sync {
    /// The SQL of the objects to install in the ERP's database.
    ///
    /// # Errors
    /// The reason as a message.
    async fn plan(&self, source: &Source) -> Result<String, Message>;

    /// Installs our objects, or checks whether the API responds. Idempotent.
    ///
    /// # Errors
    /// The reason as a message, with the source's field that it relates to.
    async fn install(&self, source: &Source) -> Result<(), Refused>;

    /// A current record by class and key, normalized, a document with its lines; `None` if it does not exist. Not for
    /// plugins, whose ERP can't be read.
    ///
    /// # Errors
    /// The reason as a message.
    async fn record(&self, source: &Source, model: &str, key: &str) -> Result<Option<Record>, Message>;

    /// The next records of a model in key order, as by [`SourceControl::record`].
    ///
    /// # Errors
    /// The reason as a message.
    async fn records(&self, source: &Source, page: &RecordPage) -> Result<Vec<(String, Record)>, Message>;

    /// Removes all our objects from the ERP's database.
    ///
    /// # Errors
    /// The reason as a message.
    async fn uninstall(&self, source: &Source) -> Result<(), Message>;

    /// A source whose objects were removed could not be removed itself: it is watched again.
    fn stays(&self, _: SourceId) {}

    /// Findings about what is installed and what is missing.
    async fn check(&self, source: &Source) -> Vec<Finding>;

    /// Detaches from a source's former ERP: removes our objects, and the stored snapshots. Does nothing if old and new
    /// ERP are the same.
    ///
    /// # Errors
    /// The reason as a message.
    async fn leave(&self, old: &Source, new: &Source) -> Result<(), Message>;

    /// A user confirms that the source's address is its ERP, although it looks like a copy.
    ///
    /// # Errors
    /// The reason as a message.
    async fn confirm(&self, source: &Source) -> Result<(), Message>;

    /// Stops watching a paused source: when it returns, this node takes no more rows of it.
    async fn end_watching(&self, source: SourceId);

    /// Whether both are the same ERP, whatever their addresses: then adding it again adds nothing.
    async fn same_erp(&self, one: &Source, other: &Source) -> bool;

    /// Submits the complete change groups that the ERP's plugin sends. Rows in the receipt's `taken` are on disk.
    ///
    /// # Errors
    /// The reason; nothing was taken then.
    async fn hand_over(&self, source: &Source, handed: OutboxPayload) -> Result<OutboxReceipt, Message>;

    /// The first current record that the ERP's plugin sends; `None` if there is none, or its table is not captured.
    ///
    /// # Errors
    /// The reason as a message.
    fn shown(&self, source: &Source, shown: OutboxPayload) -> Result<Option<Shown>, Message>;

    /// The status; `None` if unknown.
    fn status(&self, source: SourceId) -> Option<SourceStatus>;

    /// Sources were added, changed or removed.
    fn sources_changed(&self);
}

/// The records to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordPage {
    /// Their class.
    pub model: String,
    /// With greater keys.
    pub after: Option<String>,
    /// Of this day or later, `YYYY-MM-DD`, if the model has a date.
    pub since: Option<String>,
    /// Maximum number.
    pub limit: u32,
}

/// A record that the ERP's plugin sends.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown {
    /// Its key.
    pub object: ObjectKey,
    /// The current record, normalized, a document with its lines.
    pub record: Record,
    /// Its customers' records, by code.
    pub customers: Vec<(String, Record)>,
}

/// Why a source can't be watched with these settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The invalid field.
    pub field: &'static str,
    /// The error, with a remedy.
    pub why: Message,
}

/// The status of a watched source.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SourceStatus {
    /// Whether it can't be watched at the moment.
    pub down: bool,
    /// Whether it waits for a user to confirm that it is the right ERP: see [`SourceControl::confirm`].
    pub asks: bool,
    /// Seconds between the last change in the ERP and its arrival.
    pub lag_s: Option<f64>,
    /// Rows waiting in the ERP's database.
    pub backlog: Option<u64>,
    /// The last error, without secrets; `None` once it works again.
    pub last_error: Option<Message>,
    /// Since when it can't be watched.
    pub down_since: Option<Timestamp>,
    /// For a plugin: the status that it reports.
    pub plugin: Option<PluginStatus>,
    /// Who may make changes there, if known: its users and API keys.
    pub writers: Vec<Origin>,
    /// For a polled ERP: the delays until changes are found.
    pub pace: Option<Pace>,
}

/// Delays until changes of a polled ERP are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// New records, seconds.
    pub new_s: u64,
    /// Changes of others, seconds.
    pub changes_s: u64,
}
