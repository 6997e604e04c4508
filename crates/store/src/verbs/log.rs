use async_trait::async_trait;
use bytes::Bytes;
use gancho_model::{
    Attempt, Delivery, DeliveryId, EndpointId, ErrorKind, Event, EventId, MonoTime, ObjectKey, Pattern, SourceId,
    State, Timestamp,
};

use crate::StoreError;

/// What people and programs ask of the log.
#[async_trait]
pub trait Log: Send + Sync {
    /// The feed: events after a sequence number, oldest first.
    async fn feed(&self, after: u64, filter: EventFilter, limit: usize) -> Result<Page<Event, u64>, StoreError>;

    /// Events, newest first, before a sequence number.
    async fn recent(
        &self,
        before: Option<u64>,
        filter: EventFilter,
        limit: usize,
    ) -> Result<Page<Event, u64>, StoreError>;

    /// The feed's last number, as it grows: for those who wait for more.
    fn watch(&self) -> tokio::sync::watch::Receiver<u64>;

    /// A number that changes with every commit: for those who show what is in the store.
    fn pulse(&self) -> tokio::sync::watch::Receiver<u64>;

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

    /// The bytes that a delivery sends: its own, or its event's.
    async fn delivery_body(&self, id: DeliveryId) -> Result<Bytes, StoreError>;

    /// Sends a delivery again from the beginning of its endpoint's plan; one that waits goes at once, as the probe
    /// where its endpoint is failing.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when its endpoint was removed.
    async fn retry(&self, id: DeliveryId, now: MonoTime) -> Result<Delivery, StoreError>;

    /// Sends again what ended badly, or cancels what waits, as far as it is asked for; or only counts it: one batch, newest
    /// first, before a cursor. What arrived is sent again only where it was chosen by its id; deliveries of removed
    /// endpoints are left alone.
    async fn act_on(&self, bulk: Bulk, before: Option<DeliveryId>) -> Result<BulkDone, StoreError>;

    /// Cancels a delivery that waits.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when it does not wait any more.
    async fn cancel(&self, id: DeliveryId) -> Result<Delivery, StoreError>;
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
    /// Whose label begins so, in any case of letters.
    pub label: Option<String>,
    /// Whether the label must be all of it.
    pub exactly: bool,
    /// From one of these sources; from anywhere if empty.
    pub sources: Vec<SourceId>,
    /// That happened at this time or later, by their own date.
    pub created_since: Option<Timestamp>,
    /// That happened before this time, by their own date.
    pub created_until: Option<Timestamp>,
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
    /// Whose event's label begins so, in any case of letters.
    pub label: Option<String>,
    /// Whose last answer had a status of this hundred, such as 5.
    pub class: Option<u8>,
    /// Whose last attempt failed so.
    pub error: Option<ErrorKind>,
    /// Only these, if there are any.
    pub ids: Vec<DeliveryId>,
    /// Whose last attempt began at this time or earlier, or that had none: what was counted then.
    pub ended_by: Option<Timestamp>,
}

/// What is done to many deliveries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BulkAct {
    /// Those that ended badly are sent again.
    Resend,
    /// Those that wait are cancelled.
    Cancel,
}

/// What to do to many deliveries.
#[derive(Clone, Debug)]
pub struct Bulk {
    /// What.
    pub act: BulkAct,
    /// Which deliveries, among those that it fits.
    pub filter: DeliveryFilter,
    /// Only count.
    pub dry_run: bool,
    /// When it is asked for.
    pub now: MonoTime,
    /// The piece of work that does it, if it is one that people watch.
    pub job: Option<u64>,
}

/// What one batch did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BulkDone {
    /// Deliveries it was done to, or would be.
    pub count: u64,
    /// The cursor of the next batch; nothing after the last.
    pub next: Option<DeliveryId>,
}

impl DeliveryFilter {
    /// Whether an index finds exactly the rows asked for, so that no other row is read.
    pub(crate) fn is_served_by_an_index(&self) -> bool {
        // An event's deliveries are few, and read whole.
        let narrowed = self.state.is_some() || self.endpoint.is_some();
        self.event.is_none()
            && !(self.label.is_some() && narrowed)
            && self.types.is_empty()
            && self.text.is_none()
            && self.since.is_none()
            && self.until.is_none()
            && self.class.is_none()
            && self.error.is_none()
            && self.ids.is_empty()
            && self.ended_by.is_none()
    }

    /// Whether a delivery is asked for, as far as its own row says.
    pub fn takes(&self, delivery: &Delivery) -> bool {
        let last = delivery.last;
        let status = last.and_then(|last| last.status_code);
        (self.types.is_empty() || self.types.iter().any(|pattern| pattern.matches(&delivery.event)))
            && self.state.is_none_or(|state| delivery.state == state)
            && self.endpoint.is_none_or(|endpoint| delivery.endpoint_id == endpoint)
            && self.since.is_none_or(|since| delivery.created_at >= since)
            && self.until.is_none_or(|until| delivery.created_at < until)
            && self.class.is_none_or(|class| status.is_some_and(|status| status / 100 == u16::from(class)))
            && self.error.is_none_or(|error| last.is_some_and(|last| last.error == Some(error)))
            && self.label.as_ref().is_none_or(|start| begins(delivery.label.as_deref(), start))
            && self.ended_by.is_none_or(|by| last.is_none_or(|last| last.at <= by))
            && (self.ids.is_empty() || self.ids.contains(&delivery.id))
    }
}

/// Whether a label begins with a text, in any case of letters that ASCII knows.
fn begins(label: Option<&str>, start: &str) -> bool {
    label.and_then(|label| label.get(..start.len())).is_some_and(|head| head.eq_ignore_ascii_case(start))
}

impl EventFilter {
    /// Whether an index serves all that is asked for.
    pub fn is_plain(&self) -> bool {
        self.types.is_empty()
            && self.since.is_none()
            && self.until.is_none()
            && self.sources.is_empty()
            && self.created_since.is_none()
            && self.created_until.is_none()
    }

    /// Whether an event is asked for; `object` is the store's business.
    pub fn takes(&self, event: &Event) -> bool {
        (self.types.is_empty() || self.types.iter().any(|pattern| pattern.matches(&event.event)))
            && self.since.is_none_or(|since| event.arrived_at >= since)
            && self.until.is_none_or(|until| event.arrived_at < until)
            && (self.sources.is_empty() || event.source.is_some_and(|source| self.sources.contains(&source)))
            && self.created_since.is_none_or(|since| event.created >= since)
            && self.created_until.is_none_or(|until| event.created < until)
            && self.label.as_ref().is_none_or(|start| begins(event.label.as_deref(), start))
    }
}
