use async_trait::async_trait;
use bytes::Bytes;
use gancho_model::{
    Attempt, Delivery, DeliveryId, EndpointId, ErrorKind, Event, EventId, MonoTime, ObjectKey, Pattern, SourceId,
    State, Timestamp, fold, mask,
};

use crate::StoreError;

/// Queries and actions on the log.
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

    /// The feed's last number, for waiting for more events.
    fn watch(&self) -> tokio::sync::watch::Receiver<u64>;

    /// A counter that changes with every commit, for live views of the store.
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

    /// The body that a delivery sends: its own, or its event's.
    async fn delivery_body(&self, id: DeliveryId) -> Result<Bytes, StoreError>;

    /// Resends a delivery from the beginning of its endpoint's retry plan; a pending one is sent at once, as the probe
    /// if its endpoint is failing.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when its endpoint was removed.
    async fn retry(&self, id: DeliveryId, now: MonoTime) -> Result<Delivery, StoreError>;

    /// Resends failed deliveries, or cancels pending ones, that match; or only counts them: one batch, newest first,
    /// before a cursor. Successful deliveries are resent only if selected by id; deliveries of removed endpoints are
    /// skipped.
    async fn act_on(&self, bulk: Bulk, before: Option<DeliveryId>) -> Result<BulkDone, StoreError>;

    /// Cancels a pending delivery.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if it is no longer pending.
    async fn cancel(&self, id: DeliveryId) -> Result<Delivery, StoreError>;
}

/// A page of a list, with the cursor of the next one.
#[derive(Clone, Debug, PartialEq)]
pub struct Page<T, C> {
    /// Its items.
    pub items: Vec<T>,
    /// Cursor of the next page; `None` on the last. The feed always has one.
    pub next: Option<C>,
}

/// Conditions for events.
#[derive(Clone, Debug, Default)]
pub struct EventFilter {
    /// Types that match one of these; all if empty.
    pub types: Vec<Pattern>,
    /// Arrived at this time or later.
    pub since: Option<Timestamp>,
    /// Arrived before this time.
    pub until: Option<Timestamp>,
    /// About this row.
    pub object: Option<ObjectKey>,
    /// Whose label starts with this, ignoring case.
    pub label: Option<String>,
    /// Whether the whole label must match.
    pub exactly: bool,
    /// From one of these sources; from all if empty.
    pub sources: Vec<SourceId>,
    /// Happened at this time or later, by their own date.
    pub created_since: Option<Timestamp>,
    /// Happened before this time, by their own date.
    pub created_until: Option<Timestamp>,
}

/// Conditions for deliveries.
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
    /// All words of this text are parts of words of the event's body or of the endpoint's name or URL, ignoring case and
    /// accents.
    pub text: Option<String>,
    /// Whose event's label starts with this, ignoring case.
    pub label: Option<String>,
    /// Whose last response has a status of this class, such as 5.
    pub class: Option<u8>,
    /// Whose last attempt failed with this error.
    pub error: Option<ErrorKind>,
    /// Only these, unless empty.
    pub ids: Vec<DeliveryId>,
    /// Whose last attempt began at this time or earlier, or that had none: the deliveries of an earlier count.
    pub ended_by: Option<Timestamp>,
}

/// A bulk action on deliveries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BulkAct {
    /// Resends failed ones.
    Resend,
    /// Cancels pending ones.
    Cancel,
}

/// A bulk action with its filter.
#[derive(Clone, Debug)]
pub struct Bulk {
    /// The action.
    pub act: BulkAct,
    /// Which of the deliveries that it applies to.
    pub filter: DeliveryFilter,
    /// Only count.
    pub dry_run: bool,
    /// Time of the request.
    pub now: MonoTime,
    /// The job that runs it, if users follow one.
    pub job: Option<u64>,
}

/// The result of one batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BulkDone {
    /// Deliveries changed, or that would be.
    pub count: u64,
    /// The cursor of the next batch; `None` after the last.
    pub next: Option<DeliveryId>,
}

impl DeliveryFilter {
    /// Whether an index finds exactly the matching rows, so that no others are read.
    pub(crate) fn is_served_by_an_index(&self) -> bool {
        // An event has few deliveries, which are all read.
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

    /// Whether a delivery matches by its text. The URL counts as far as everybody may see it.
    pub(crate) fn finds(&self, delivery: &Delivery, body: &[u8], endpoint: Option<&str>) -> bool {
        self.text.as_ref().is_none_or(|text| {
            let found = [&String::from_utf8_lossy(body), endpoint.unwrap_or_default(), &mask::url(&delivery.url)];
            let found = fold(&found.join("\n"));
            fold(text).split_whitespace().all(|word| found.contains(word))
        })
    }

    /// Whether a delivery matches, as far as its own row shows.
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

/// Whether a label starts with a text, ignoring ASCII case.
fn begins(label: Option<&str>, start: &str) -> bool {
    label.and_then(|label| label.get(..start.len())).is_some_and(|head| head.eq_ignore_ascii_case(start))
}

impl EventFilter {
    /// Whether an index serves all conditions.
    pub fn is_plain(&self) -> bool {
        self.types.is_empty()
            && self.since.is_none()
            && self.until.is_none()
            && self.sources.is_empty()
            && self.created_since.is_none()
            && self.created_until.is_none()
    }

    /// Whether an event matches; the store checks `object`.
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
