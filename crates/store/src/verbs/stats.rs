use async_trait::async_trait;
use gancho_model::{HourlyStats, Timestamp};

use crate::StoreError;

/// Counts that are kept, so that nobody has to count.
#[async_trait]
pub trait Stats: Send + Sync {
    /// What became of attempts since the beginning of the hour of this moment, by endpoint and hour.
    async fn hours(&self, since: Timestamp) -> Result<Vec<HourlyStats>, StoreError>;
}
