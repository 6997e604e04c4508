use async_trait::async_trait;
use gancho_model::{DeliveryId, Endpoint, EndpointId, Timestamp};

use crate::{NewEvent, Page, StoreError};

/// What people ask of endpoints.
#[async_trait]
pub trait Endpoints: Send + Sync {
    /// Adds one.
    async fn add_endpoint(&self, endpoint: Endpoint) -> Result<(), StoreError>;

    /// One of them.
    async fn endpoint(&self, id: EndpointId) -> Result<Endpoint, StoreError>;

    /// A page of them, oldest first.
    async fn endpoints(
        &self,
        after: Option<EndpointId>,
        limit: usize,
    ) -> Result<Page<Endpoint, EndpointId>, StoreError>;

    /// Saves one that was read with `read_at` as its `updated_at`. Its health stays as it is,
    /// except that enabling a disabled endpoint begins anew.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if somebody else saved it meanwhile.
    async fn save_endpoint(&self, endpoint: Endpoint, read_at: Timestamp) -> Result<(), StoreError>;

    /// Removes one. What waits is cancelled: some at once, the rest by upkeep. Returns how many wait.
    async fn remove_endpoint(&self, id: EndpointId, now: Timestamp) -> Result<u64, StoreError>;

    /// What waits for each of these.
    async fn standings(&self, ids: Vec<EndpointId>) -> Result<Vec<Standing>, StoreError>;

    /// Keeps a test event, outside the feed, with one delivery to this endpoint.
    async fn send_test(&self, endpoint: EndpointId, event: NewEvent, now: Timestamp) -> Result<DeliveryId, StoreError>;
}

/// What waits for an endpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// How many deliveries.
    pub pending: u64,
    /// When the oldest of them was made.
    pub oldest_pending_at: Option<Timestamp>,
}
