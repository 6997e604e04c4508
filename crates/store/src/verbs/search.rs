use async_trait::async_trait;
use gancho_model::Event;

use crate::StoreError;

/// Parts of words are found in events: an index apart from the log, which can be made anew from it at any time.
#[async_trait]
pub trait Search: Send + Sync {
    /// The next events that the index does not hold, oldest first.
    async fn unindexed(&self, limit: usize) -> Result<Vec<Event>, StoreError>;

    /// Adds events by their sequence numbers, in order, with the text that is searched. All up to the last count as
    /// indexed; one with an empty text is never found. Events that were removed from the log meanwhile go, some at a time.
    async fn index(&self, texts: Vec<(u64, String)>) -> Result<(), StoreError>;

    /// Events in whose text all of these stand as parts, whatever their case and accents, newest first. Each has three
    /// characters or more.
    async fn search(&self, parts: Vec<String>, limit: usize) -> Result<SearchHits, StoreError>;
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SearchHits {
    /// The events.
    pub events: Vec<Event>,
    /// Up to which sequence number the index goes: later ones are to be looked through.
    pub indexed_to: u64,
}
