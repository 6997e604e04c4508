use async_trait::async_trait;
use gancho_model::Event;

use crate::StoreError;

/// Substring search in events: an index apart from the log, which can be rebuilt from it at any time.
#[async_trait]
pub trait Search: Send + Sync {
    /// The next events that are not indexed, oldest first.
    async fn unindexed(&self, limit: usize) -> Result<Vec<Event>, StoreError>;

    /// Adds events by sequence number, in order, with the searchable text. All events up to the last count as indexed;
    /// an empty text is never found. Entries of events removed from the log are deleted, some at a time.
    async fn index(&self, texts: Vec<(u64, String)>) -> Result<(), StoreError>;

    /// Events whose text contains all of these parts, ignoring case and accents, newest first. Each part has at least
    /// three characters.
    async fn search(&self, parts: Vec<String>, limit: usize) -> Result<SearchHits, StoreError>;
}

/// The result of a search.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SearchHits {
    /// The events.
    pub events: Vec<Event>,
    /// The last indexed sequence number: later events must be scanned.
    pub indexed_to: u64,
}
