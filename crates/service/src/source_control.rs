use async_trait::async_trait;

use gancho_model::{Message, ObjectKey, Origin, Record, Source, SourceId, Timestamp};

use crate::{
    Finding,
    outbox::{OutboxPayload, OutboxReceipt, PluginStatus},
};

/// The ERPs that are watched, as far as people ask about it: what watches ERPs fulfils this.
/// A plugin pushes by itself, so that there is nothing to install and little to check.
#[async_trait]
pub trait SourceControl: Send + Sync {
    /// What would be put into the ERP's database, as SQL.
    ///
    /// # Errors
    /// What is missing, in one sentence.
    async fn plan(&self, source: &Source) -> Result<String, Message>;

    /// Puts in place what listens, or looks whether the ERP answers. Doing so again is harmless.
    ///
    /// # Errors
    /// What is missing, in one sentence, and which field of the source it is about.
    async fn install(&self, source: &Source) -> Result<(), Refused>;

    /// A record as it is now, by its class and key, in our one shape, a document with its lines; nothing if there is none.
    /// Not of a plugin, whose ERP can't be asked.
    ///
    /// # Errors
    /// What stands in the way, in one sentence.
    async fn record(&self, source: &Source, model: &str, key: &str) -> Result<Option<Record>, Message>;

    /// The next records of a model in the order of their keys, as [`SourceControl::record`] gives one.
    ///
    /// # Errors
    /// What stands in the way, in one sentence.
    async fn records(&self, source: &Source, page: &RecordPage) -> Result<Vec<(String, Record)>, Message>;

    /// Takes everything of ours out of the ERP's database.
    ///
    /// # Errors
    /// What stands in the way, in one sentence.
    async fn uninstall(&self, source: &Source) -> Result<(), Message>;

    /// Line by line what is in place and what is missing.
    async fn check(&self, source: &Source) -> Vec<Finding>;

    /// Takes everything of ours out of an ERP that a source left for another one, and forgets what was
    /// seen there; does nothing if both turn out to be the same.
    ///
    /// # Errors
    /// What stands in the way, in one sentence.
    async fn leave(&self, old: &Source, new: &Source) -> Result<(), Message>;

    /// A person says that what the source's address leads to is its ERP, though it looks like a copy of it.
    ///
    /// # Errors
    /// What stands in the way, in one sentence.
    async fn confirm(&self, source: &Source) -> Result<(), Message>;

    /// Ends the watching of a source that was paused: when it returns, this node takes nothing more of it.
    async fn end_watching(&self, source: SourceId);

    /// Whether both are one ERP, whatever their addresses say: then adding it again is adding nothing.
    async fn same_erp(&self, one: &Source, other: &Source) -> bool;

    /// Takes in what has ended of what the ERP's plugin hands over. What it returns as taken is on disk.
    ///
    /// # Errors
    /// What stands in the way; nothing was taken then.
    async fn hand_over(&self, source: &Source, handed: OutboxPayload) -> Result<OutboxReceipt, Message>;

    /// The first of the records that the ERP's plugin shows as they are now; nothing if there is none, or it is of no table
    /// that is captured.
    ///
    /// # Errors
    /// What stands in the way, in one sentence.
    fn shown(&self, source: &Source, shown: OutboxPayload) -> Result<Option<Shown>, Message>;

    /// How it goes; nothing for what is not known yet.
    fn status(&self, source: SourceId) -> Option<SourceStatus>;

    /// Sources were added, changed or removed.
    fn sources_changed(&self);
}

/// Which records are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordPage {
    /// Of this class.
    pub model: String,
    /// With greater keys.
    pub after: Option<String>,
    /// Of this day or later, `YYYY-MM-DD`, where the model has a date.
    pub since: Option<String>,
    /// At most so many.
    pub limit: u32,
}

/// A record that the ERP's plugin shows.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown {
    /// Which one it is.
    pub object: ObjectKey,
    /// As it is now, in our one shape, a document with its lines.
    pub record: Record,
    /// The records of customers, by code, that it is about.
    pub customers: Vec<(String, Record)>,
}

/// Why a source can't be watched as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The field that is wrong.
    pub field: &'static str,
    /// What is wrong with it, and what to do.
    pub why: Message,
}

/// How a watched source goes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SourceStatus {
    /// Whether it can't be watched at the moment.
    pub down: bool,
    /// Whether it waits for a person to say that it is the right ERP: see [`SourceControl::confirm`].
    pub asks: bool,
    /// Seconds between a change in the ERP and its coming in, of the last one that came.
    pub lag_s: Option<f64>,
    /// Rows that wait in the ERP's database.
    pub backlog: Option<u64>,
    /// What went wrong last, in one sentence without secrets; nothing once all is well.
    pub last_error: Option<Message>,
    /// Since when it can't be watched.
    pub down_since: Option<Timestamp>,
    /// Of a plugin: the status that it reports.
    pub plugin: Option<PluginStatus>,
    /// Who may write there, as far as that is known: its users and the keys of its API.
    pub writers: Vec<Origin>,
    /// Of an ERP whose lists are asked: how soon something is seen.
    pub pace: Option<Pace>,
}

/// How soon something is seen in an ERP whose lists are asked again and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// New records, seconds.
    pub new_s: u64,
    /// Changes of others, seconds.
    pub changes_s: u64,
}
