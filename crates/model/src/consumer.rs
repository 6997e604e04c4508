use crate::{Pattern, SourceId, Timestamp};

/// A program that reads the feed, by the name under which its position is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consumer {
    /// Its name.
    pub name: String,
    /// Only types that match one of these; all if empty.
    pub types: Vec<Pattern>,
    /// Only events of these sources; of all if empty.
    pub sources: Vec<SourceId>,
    /// The sequence number up to which it has acknowledged events.
    pub position: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last acknowledged.
    pub acked_at: Option<Timestamp>,
}
