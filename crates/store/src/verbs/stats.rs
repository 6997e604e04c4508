use std::collections::HashMap;

use async_trait::async_trait;
use gancho_model::{EndpointId, HourlyStats, Timestamp};

use crate::StoreError;

/// The most failed deliveries that are counted.
pub const FAILED_MAX: u64 = 20_000;

/// Counts that are kept, so that nobody has to count.
#[async_trait]
pub trait Stats: Send + Sync {
    /// What became of attempts since the beginning of the hour of this moment, by endpoint and hour.
    async fn hours(&self, since: Timestamp) -> Result<Vec<HourlyStats>, StoreError>;

    /// How many deliveries made since then are failed now, by endpoint; tests aside. Of very many, some are counted:
    /// [`FAILED_MAX`].
    async fn failed_since(&self, since: Timestamp) -> Result<HashMap<EndpointId, u64>, StoreError>;
}
