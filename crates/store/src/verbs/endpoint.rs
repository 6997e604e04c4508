use async_trait::async_trait;
use gancho_model::{
    Attempt, DeliveryId, Endpoint, EndpointId, Event, EventId, Moment, ObjectKey, Pattern, PlannedDelivery, Priority,
    ReplayScope, Timestamp,
};

use crate::{JobStep, Page, StoreError};

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

    /// Saves one that was read with `read_at` as its `updated_at`. Its health stays as it is, except that enabling
    /// a disabled endpoint begins anew. Resuming it or changing its URL asks for a probe, as
    /// [`Endpoints::retry_endpoint`] does.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if somebody else saved it meanwhile.
    async fn save_endpoint(&self, endpoint: Endpoint, read_at: Timestamp) -> Result<(), StoreError>;

    /// Goes on with an endpoint that a person has repaired: a failing one is probed at once, a healthy one's
    /// waiting retries become due. Returns how many deliveries wait.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] while it is paused or disabled.
    async fn retry_endpoint(&self, id: EndpointId) -> Result<u64, StoreError>;

    /// Removes one. What waits is cancelled: some at once, the rest by upkeep. Returns how many wait.
    async fn remove_endpoint(&self, id: EndpointId, now: Timestamp) -> Result<u64, StoreError>;

    /// What waits for each of these.
    async fn backlogs(&self, ids: Vec<EndpointId>) -> Result<Vec<EndpointBacklog>, StoreError>;

    /// Sends again what is asked for, among the next events after a cursor: one batch. Nothing is
    /// sent twice at once: what waits is left alone.
    async fn replay(&self, replay: Replay, after: Option<u64>, now: Moment) -> Result<Replayed, StoreError>;

    /// Records an attempt that a listener made for an event, as a delivery to its endpoint. The attempt's number is given
    /// here.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] where there is no such endpoint or event.
    async fn record_forwarded(
        &self,
        endpoint: EndpointId,
        event: EventId,
        attempt: Attempt,
    ) -> Result<DeliveryId, StoreError>;

    /// Keeps events outside the feed, such as samples, each with one delivery, in this queue of its endpoint, and the step
    /// of a piece of work that sends them: all or nothing.
    async fn send_apart(
        &self,
        events: Vec<(Event, PlannedDelivery)>,
        lane: Priority,
        step: Option<JobStep>,
    ) -> Result<Vec<DeliveryId>, StoreError>;
}

/// What waits for an endpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EndpointBacklog {
    /// How many deliveries.
    pub pending: u64,
    /// When the oldest of them was made.
    pub oldest_pending_at: Option<Timestamp>,
}

/// What to send again to an endpoint.
#[derive(Clone, Debug)]
pub struct Replay {
    /// To whom.
    pub endpoint: EndpointId,
    /// Events that arrived at this time or later.
    pub since: Timestamp,
    /// And before this time.
    pub until: Option<Timestamp>,
    /// Of types that match one of these; all if empty.
    pub types: Vec<Pattern>,
    /// About this row.
    pub object: Option<ObjectKey>,
    /// Which of them.
    pub only: ReplayScope,
    /// Only count.
    pub dry_run: bool,
    /// Events larger than this can't be sent.
    pub bytes_max: u64,
    /// The piece of work that does it, if it is one that people watch.
    pub job: Option<u64>,
}

/// What one batch of a replay did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Replayed {
    /// Events sent again, or that would be.
    pub count: u64,
    /// The cursor of the next batch; nothing after the last.
    pub next: Option<u64>,
}
