use async_trait::async_trait;
use gancho_model::{Bin, BinId, BinRequest, Timestamp};

use crate::StoreError;

/// Bins and their requests. An expired bin counts as removed.
#[async_trait]
pub trait Bins: Send + Sync {
    /// Adds a bin.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if the maximum number exists. [`StoreError::Conflict`] where there are as many as may
    /// be.
    async fn add_bin(&self, bin: Bin, now: Timestamp) -> Result<(), StoreError>;

    /// One bin.
    async fn bin(&self, id: BinId, now: Timestamp) -> Result<Bin, StoreError>;

    /// All bins, newest first.
    async fn bins(&self, now: Timestamp) -> Result<Vec<Bin>, StoreError>;

    /// Saves its response and its expiry.
    async fn save_bin(&self, bin: Bin, now: Timestamp) -> Result<(), StoreError>;

    /// Removes a bin with its requests.
    async fn remove_bin(&self, id: BinId) -> Result<(), StoreError>;

    /// Stores a request and assigns its number; returns both with the bin. Beyond the maximum, the oldest request is
    /// removed.
    async fn keep_request(&self, id: BinId, request: BinRequest) -> Result<(Bin, u64), StoreError>;

    /// Requests after a number, oldest first.
    async fn bin_requests(
        &self,
        id: BinId,
        after: u64,
        limit: usize,
        now: Timestamp,
    ) -> Result<Vec<BinRequest>, StoreError>;
}
