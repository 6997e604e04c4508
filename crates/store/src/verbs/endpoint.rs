use async_trait::async_trait;
use gancho_model::{
    Attempt, DeliveryId, Endpoint, EndpointId, Event, EventId, Moment, ObjectKey, Pattern, PlannedDelivery, Priority,
    ReplayScope, Timestamp,
};

use crate::{JobStep, Page, StoreError};

/// Management of endpoints.
#[async_trait]
pub trait Endpoints: Send + Sync {
    /// Adds an endpoint.
    async fn add_endpoint(&self, endpoint: Endpoint) -> Result<(), StoreError>;

    /// One endpoint.
    async fn endpoint(&self, id: EndpointId) -> Result<Endpoint, StoreError>;

    /// A page of them, oldest first.
    async fn endpoints(
        &self,
        after: Option<EndpointId>,
        limit: usize,
    ) -> Result<Page<Endpoint, EndpointId>, StoreError>;

    /// Saves an endpoint that was read with `read_at` as its `updated_at`. Its health is kept, except that enabling a
    /// disabled endpoint resets it. Resuming it or changing its URL requests a probe, as [`Endpoints::retry_endpoint`]
    /// does.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if it was saved by another request meanwhile.
    async fn save_endpoint(&self, endpoint: Endpoint, read_at: Timestamp) -> Result<(), StoreError>;

    /// Retries an endpoint after its receiver was repaired: a failing one is probed at once, a healthy one's waiting
    /// retries become due. Returns the number of pending deliveries.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] while it is paused or disabled.
    async fn retry_endpoint(&self, id: EndpointId) -> Result<u64, StoreError>;

    /// Removes an endpoint and cancels its pending deliveries: some at once, the rest by upkeep. Returns how many were
    /// pending.
    async fn remove_endpoint(&self, id: EndpointId, now: Timestamp) -> Result<u64, StoreError>;

    /// The backlogs of these endpoints.
    async fn backlogs(&self, ids: Vec<EndpointId>) -> Result<Vec<EndpointBacklog>, StoreError>;

    /// Resends matching events among the next ones after a cursor: one batch. Pending deliveries are skipped, so that
    /// nothing is sent twice at once.
    async fn replay(&self, replay: Replay, after: Option<u64>, now: Moment) -> Result<Replayed, StoreError>;

    /// Records a listener's attempt for an event, as a delivery to its endpoint. The store assigns the attempt's
    /// number.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if the endpoint or event does not exist.
    async fn record_forwarded(
        &self,
        endpoint: EndpointId,
        event: EventId,
        attempt: Attempt,
    ) -> Result<DeliveryId, StoreError>;

    /// Atomically stores events outside the feed, such as samples, each with one delivery in this queue of its
    /// endpoint, and the job step that sends them.
    async fn send_apart(
        &self,
        events: Vec<(Event, PlannedDelivery)>,
        lane: Priority,
        step: Option<JobStep>,
    ) -> Result<Vec<DeliveryId>, StoreError>;
}

/// The pending deliveries of an endpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EndpointBacklog {
    /// Their number.
    pub pending: u64,
    /// Creation time of the oldest.
    pub oldest_pending_at: Option<Timestamp>,
}

/// Which events to resend to an endpoint.
#[derive(Clone, Debug)]
pub struct Replay {
    /// The endpoint.
    pub endpoint: EndpointId,
    /// Events that arrived at this time or later.
    pub since: Timestamp,
    /// And before this time.
    pub until: Option<Timestamp>,
    /// Of types that match one of these; all if empty.
    pub types: Vec<Pattern>,
    /// About this row.
    pub object: Option<ObjectKey>,
    /// Which of the deliveries.
    pub only: ReplayScope,
    /// Only count.
    pub dry_run: bool,
    /// Maximum size of an event that can be sent.
    pub bytes_max: u64,
    /// The job that runs it, if users follow one.
    pub job: Option<u64>,
}

/// The result of one batch of a replay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Replayed {
    /// Events resent, or that would be.
    pub count: u64,
    /// The cursor of the next batch; nothing after the last.
    pub next: Option<u64>,
}
