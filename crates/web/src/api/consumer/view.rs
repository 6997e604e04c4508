use gancho_model::{Consumer, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

/// A consumer.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ConsumerView {
    name: String,
    /// Only types that match one of these; all if empty.
    types: Vec<String>,
    /// Only events of these sources; of all if empty.
    sources: Vec<String>,
    /// The sequence number up to which it has acknowledged events.
    position: u64,
    /// How many events of the feed came after it, whether or not it asks for them.
    behind: u64,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When it last acknowledged.
    #[schema(value_type = Option<String>, format = DateTime)]
    acked_at: Option<Timestamp>,
}

impl ConsumerView {
    /// `last` is the feed's last sequence number.
    pub fn new(consumer: &Consumer, last: u64) -> Self {
        Self {
            name: consumer.name.clone(),
            types: consumer.types.iter().map(ToString::to_string).collect(),
            sources: consumer.sources.iter().map(ToString::to_string).collect(),
            position: consumer.position,
            behind: last.saturating_sub(consumer.position),
            created_at: consumer.created_at,
            acked_at: consumer.acked_at,
        }
    }
}
