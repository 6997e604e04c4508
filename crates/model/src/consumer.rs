use crate::{EndpointId, Pattern, SourceId, Timestamp};

/// A consumer of the feed, identified by the name of its position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consumer {
    /// Its name.
    pub name: String,
    /// Only types that match one of these; all if empty.
    pub types: Vec<Pattern>,
    /// Only events of these sources; of all if empty.
    pub sources: Vec<SourceId>,
    /// The last acknowledged sequence number.
    pub position: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// Time of the last acknowledgement.
    pub acked_at: Option<Timestamp>,
}

/// The prefix of listeners' positions; consumers' names contain no colon.
const OF_LISTENER: &str = "listen:";

impl Consumer {
    /// The name of a listener's position.
    pub fn name_of_listener(id: EndpointId) -> String {
        format!("{OF_LISTENER}{id}")
    }

    /// Whether a name is that of a listener's position, which only the listener moves.
    pub fn is_of_listener(name: &str) -> bool {
        name.starts_with(OF_LISTENER)
    }
}
