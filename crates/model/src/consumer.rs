use crate::{EndpointId, Pattern, SourceId, Timestamp};

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

/// How positions begin that are a listener's own; no name of a consumer has a colon.
const OF_LISTENER: &str = "listen:";

impl Consumer {
    /// Under which name the position of a listener is kept.
    pub fn name_of_listener(id: EndpointId) -> String {
        format!("{OF_LISTENER}{id}")
    }

    /// Whether a name is that of a listener's position, which only the listener moves.
    pub fn is_of_listener(name: &str) -> bool {
        name.starts_with(OF_LISTENER)
    }
}
