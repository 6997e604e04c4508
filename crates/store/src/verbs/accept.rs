use std::sync::Arc;

use async_trait::async_trait;
use gancho_model::{
    Customer, Customers, Endpoint, Event, EventId, Include, ObjectKey, PlannedDelivery, Record, SourceId, Timestamp,
    TokenId, plan_deliveries,
};

use crate::{SnapshotUpdate, StoreError};

/// What intake needs from the store.
#[async_trait]
pub trait Accepting: Send + Sync {
    /// The stored responses for these keys, in the same order.
    async fn recall(
        &self,
        token: TokenId,
        keys: Vec<IdempotencyKey>,
    ) -> Result<Vec<Option<StoredResponse>>, StoreError>;

    /// A source's reference rows.
    async fn remembered(&self, source: SourceId) -> Result<ReferenceRows, StoreError>;

    /// For each row of a source's outbox, in the same order: whether events were made from it before. A database that
    /// was restored contains such rows again.
    async fn processed(&self, source: SourceId, rows: Vec<ProcessedRow>) -> Result<Vec<bool>, StoreError>;

    /// The known customers among these, by source and code.
    async fn customers(&self, wanted: Vec<(SourceId, String)>) -> Result<Customers, StoreError>;

    /// The endpoints that deliveries are planned from.
    async fn endpoint_snapshot(&self) -> Result<Arc<EndpointSnapshot>, StoreError>;

    /// Stores events with their planned deliveries, atomically. When it returns, they are on disk. A plan based on an
    /// older version of the endpoints is refused.
    async fn accept(&self, submission: Arc<Submission>) -> Result<Accepted, StoreError>;
}

/// The contents of one request.
#[derive(Clone, Debug, Default)]
pub struct Submission {
    /// The events, in order.
    pub events: Vec<NewEvent>,
    /// Identify repeats of this request.
    pub repeats: Vec<(TokenId, IdempotencyKey, StoredResponse)>,
    /// Rows of the source's outbox that this was made from.
    pub processed: Vec<ProcessedRow>,
    /// Reference rows to store or remove.
    pub remember: Vec<ReferenceUpdate>,
    /// New data about the source's customers.
    pub customers: Vec<CustomerUpdate>,
    /// The version of the reference rows that changes were understood by; `None` if none were needed.
    pub understood_by: Option<u64>,
    /// New snapshots of the source's records, from a poll that found changes.
    pub snapshots: Vec<SnapshotUpdate>,
    /// The version from [`crate::Snapshots::open_seen`].
    pub seen_version: u64,
    /// The version of the endpoints that deliveries were planned from; unused without events.
    pub planned_by: u64,
    /// The source.
    pub source: Option<SourceId>,
    /// Time of arrival.
    pub now: Timestamp,
}

/// Identifies a row of a source's outbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProcessedRow {
    /// Its key in the outbox.
    pub id: i64,
    /// A digest of the name of the connection that wrote it: keys are reused after a database is restored.
    pub mark: i64,
}

impl Submission {
    /// Plans the deliveries of its events for these endpoints; an event larger than `bytes_max` is stored, and its
    /// deliveries are skipped.
    #[must_use]
    pub fn planned(mut self, by: &EndpointSnapshot, bytes_max: usize, customers: &Customers) -> Self {
        self.planned_by = by.version;
        for new in &mut self.events {
            new.deliveries = plan_deliveries(&new.event, bytes_max, &by.endpoints, customers);
        }
        self
    }
}

/// A new event.
#[derive(Clone, Debug)]
pub struct NewEvent {
    /// The event; the store assigns its sequence number.
    pub event: Event,
    /// Its deliveries.
    pub deliveries: Vec<PlannedDelivery>,
}

impl From<Event> for NewEvent {
    /// Without deliveries.
    fn from(event: Event) -> Self {
        Self { event, deliveries: vec![] }
    }
}

/// All endpoints that are not removed, as of one version. Their health may be older.
#[derive(Debug, Default)]
pub struct EndpointSnapshot {
    /// Rises whenever an endpoint is added, changed or removed.
    pub version: u64,
    /// The endpoints.
    pub endpoints: Vec<Endpoint>,
}

impl EndpointSnapshot {
    /// Whether any of them includes this in its bodies.
    pub fn includes(&self, what: Include) -> bool {
        self.endpoints.iter().any(|endpoint| endpoint.include.contains(&what))
    }
}

/// A source's reference rows as of one version.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReferenceRows {
    /// Rises by one with each submission that changes them.
    pub version: u64,
    /// The rows.
    pub rows: Vec<(ObjectKey, Record)>,
}

/// A reference row to store or remove.
#[derive(Clone, Debug, PartialEq)]
pub struct ReferenceUpdate {
    /// The source.
    pub source: SourceId,
    /// The key of the row.
    pub row: ObjectKey,
    /// The row; `None` removes it.
    pub record: Option<Record>,
}

/// A customer to store or remove.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomerUpdate {
    /// The source.
    pub source: SourceId,
    /// The customer's code in the ERP.
    pub code: String,
    /// The data; `None` removes the customer.
    pub customer: Option<Customer>,
}

/// Identifies a repeat, within one token.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IdempotencyKey {
    /// What the key identifies.
    pub kind: IdempotencyKind,
    /// The sender's key.
    pub key: String,
}

/// What a key identifies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IdempotencyKind {
    /// A whole request, by its `Idempotency-Key`.
    Request,
    /// One event, by its `id`.
    Event,
    /// One change, by its `id`.
    Change,
}

/// The response of the first request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredResponse {
    /// A digest of the request.
    pub digest: [u8; 32],
    /// The response.
    pub answer: String,
}

/// The result of a submission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// It is on disk; each event with its number in the feed.
    Kept(Vec<(EventId, u64)>),
    /// Endpoints changed since the deliveries were planned: nothing was stored, plan again.
    Stale,
    /// Meanwhile one of its keys was used, one of its rows was processed, or the reference rows changed: nothing was
    /// stored, check again.
    Conflict,
}
