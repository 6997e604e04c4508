use async_trait::async_trait;
use gancho_model::{Bin, BinId, BinRequest, Timestamp};

use crate::StoreError;

/// Bins and what they received. One that has expired is not there any more.
#[async_trait]
pub trait Bins: Send + Sync {
    /// Adds one.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] where there are as many as may be.
    async fn add_bin(&self, bin: Bin, now: Timestamp) -> Result<(), StoreError>;

    /// One of them.
    async fn bin(&self, id: BinId, now: Timestamp) -> Result<Bin, StoreError>;

    /// All of them, newest first.
    async fn bins(&self, now: Timestamp) -> Result<Vec<Bin>, StoreError>;

    /// Saves what it answers and when it expires.
    async fn save_bin(&self, bin: Bin, now: Timestamp) -> Result<(), StoreError>;

    /// Removes one, with all that it received.
    async fn remove_bin(&self, id: BinId) -> Result<(), StoreError>;

    /// Keeps a request, whose number it gives and returns with the bin; the oldest goes where there are too many.
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
