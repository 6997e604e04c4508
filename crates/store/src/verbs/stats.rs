use std::collections::HashMap;

use async_trait::async_trait;
use gancho_model::{EndpointId, HourlyStats, Timestamp};

use crate::StoreError;

/// Maximum failed deliveries counted.
pub const FAILED_MAX: u64 = 20_000;

/// Stored counts.
#[async_trait]
pub trait Stats: Send + Sync {
    /// Outcomes of attempts since the start of the hour of this time, by endpoint and hour.
    async fn hours(&self, since: Timestamp) -> Result<Vec<HourlyStats>, StoreError>;

    /// Failed deliveries created since then, by endpoint, without tests. Counts at most [`FAILED_MAX`].
    async fn failed_since(&self, since: Timestamp) -> Result<HashMap<EndpointId, u64>, StoreError>;
}
