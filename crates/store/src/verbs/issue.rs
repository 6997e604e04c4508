use async_trait::async_trait;
use gancho_model::{EndpointId, Issue, Timestamp};

use crate::StoreError;

/// Failures with the same cause, counted when attempts are recorded.
#[async_trait]
pub trait Issues: Send + Sync {
    /// Issues with a failure since then, most recent first: of one endpoint, or of all that are not removed.
    async fn issues(&self, endpoint: Option<EndpointId>, since: Timestamp) -> Result<Vec<Issue>, StoreError>;

    /// Closes an endpoint's open issues; a later failure opens a new one. Returns how many were open.
    async fn solve_issues(&self, endpoint: EndpointId, now: Timestamp) -> Result<u64, StoreError>;
}
