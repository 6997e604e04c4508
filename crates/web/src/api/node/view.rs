use gancho_model::Timestamp;
use gancho_store::Node;
use serde::Serialize;
use utoipa::ToSchema;

/// A server at work.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NodeView {
    /// Another one after each start.
    id: String,
    /// The machine, and the port that it listens on.
    name: String,
    /// Since when it is there.
    #[schema(value_type = String, format = DateTime)]
    began_at: Timestamp,
    /// How many endpoints it serves; one node at a time serves an endpoint.
    endpoints: u64,
    /// The sources that it watches; one node at a time watches a source.
    sources: Vec<String>,
    /// Whether it is the one that removes what is old.
    upkeep: bool,
}

impl From<&Node> for NodeView {
    fn from(node: &Node) -> Self {
        Self {
            id: node.id.to_string(),
            name: node.name.clone(),
            began_at: node.began_at,
            endpoints: node.endpoints,
            sources: node.sources.iter().map(ToString::to_string).collect(),
            upkeep: node.upkeep,
        }
    }
}
