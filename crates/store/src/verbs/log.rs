use async_trait::async_trait;
use gancho_model::{Attempt, Delivery, DeliveryId, EndpointId, Event, EventId, ObjectKey, Pattern, State, Timestamp};

use crate::StoreError;

/// What people and programs ask of the log.
#[async_trait]
pub trait Log: Send + Sync {
    /// The feed: events after a sequence number, oldest first.
    async fn feed(&self, after: u64, filter: EventFilter, limit: usize) -> Result<Page<Event, u64>, StoreError>;

    /// The feed's last number, as it grows: for those who wait for more.
    fn watch(&self) -> tokio::sync::watch::Receiver<u64>;

    /// One event.
    async fn event(&self, id: EventId) -> Result<Event, StoreError>;

    /// The deliveries of an event, oldest first; at most 1000.
    async fn deliveries_of(&self, event: EventId) -> Result<Vec<Delivery>, StoreError>;

    /// Deliveries, newest first, before a cursor.
    async fn deliveries(
        &self,
        before: Option<DeliveryId>,
        filter: DeliveryFilter,
        limit: usize,
    ) -> Result<Page<Delivery, DeliveryId>, StoreError>;

    /// One delivery and its attempts, oldest first.
    async fn delivery(&self, id: DeliveryId) -> Result<(Delivery, Vec<Attempt>), StoreError>;

    /// Sends a delivery again from the beginning of its endpoint's plan; one that waits goes at once.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when its endpoint was removed.
    async fn retry(&self, id: DeliveryId, now: Timestamp) -> Result<Delivery, StoreError>;

    /// Cancels a delivery that waits.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when it does not wait any more.
    async fn cancel(&self, id: DeliveryId, now: Timestamp) -> Result<Delivery, StoreError>;
}

/// A page of a list: what is on it, and the cursor of the next one.
#[derive(Clone, Debug, PartialEq)]
pub struct Page<T, C> {
    /// What is on it.
    pub items: Vec<T>,
    /// Where the next page begins; nothing on the last. The feed always has one.
    pub next: Option<C>,
}

/// Which events.
#[derive(Clone, Debug, Default)]
pub struct EventFilter {
    /// Types that match one of these; all if empty.
    pub types: Vec<Pattern>,
    /// That arrived at this time or later.
    pub since: Option<Timestamp>,
    /// That arrived before this time.
    pub until: Option<Timestamp>,
    /// About this row.
    pub object: Option<ObjectKey>,
}

/// Which deliveries.
#[derive(Clone, Debug, Default)]
pub struct DeliveryFilter {
    /// To this endpoint.
    pub endpoint: Option<EndpointId>,
    /// Of this event.
    pub event: Option<EventId>,
    /// Of types that match one of these; all if empty.
    pub types: Vec<Pattern>,
    /// In this state.
    pub state: Option<State>,
    /// Made at this time or later.
    pub since: Option<Timestamp>,
    /// Made before this time.
    pub until: Option<Timestamp>,
    /// Whose event's body contains this text.
    pub text: Option<String>,
}

impl EventFilter {
    /// Whether an event is asked for; `object` is the store's business.
    pub fn takes(&self, event: &Event) -> bool {
        (self.types.is_empty() || self.types.iter().any(|pattern| pattern.matches(&event.event)))
            && self.since.is_none_or(|since| event.arrived_at >= since)
            && self.until.is_none_or(|until| event.arrived_at < until)
    }
}
