use std::sync::Arc;

use async_trait::async_trait;
use gancho_model::{
    Customer, Customers, Endpoint, Event, EventId, Include, ObjectKey, PlannedDelivery, Record, SourceId, Timestamp,
    TokenId, plan_deliveries,
};

use crate::{SnapshotUpdate, StoreError};

/// What intake asks of the store.
#[async_trait]
pub trait Accepting: Send + Sync {
    /// What was answered the first time, for each key in its place.
    async fn recall(
        &self,
        token: TokenId,
        keys: Vec<IdempotencyKey>,
    ) -> Result<Vec<Option<StoredResponse>>, StoreError>;

    /// What is remembered of a source's rows.
    async fn remembered(&self, source: SourceId) -> Result<ReferenceRows, StoreError>;

    /// For each row of a source's outbox in its place: whether events were made from it before. A database that is
    /// restored holds such rows again.
    async fn processed(&self, source: SourceId, rows: Vec<ProcessedRow>) -> Result<Vec<bool>, StoreError>;

    /// What is known of these customers, by source and code.
    async fn customers(&self, wanted: Vec<(SourceId, String)>) -> Result<Customers, StoreError>;

    /// The endpoints by which deliveries are planned.
    async fn endpoint_snapshot(&self) -> Result<Arc<EndpointSnapshot>, StoreError>;

    /// Keeps events together with the deliveries that were planned for them, all or nothing. When it returns, they are
    /// on disk. A plan made from older endpoints than there are now is refused.
    async fn accept(&self, submission: Arc<Submission>) -> Result<Accepted, StoreError>;
}

/// What comes in with one request.
#[derive(Clone, Debug, Default)]
pub struct Submission {
    /// The events, in order.
    pub events: Vec<NewEvent>,
    /// By what repeats of this request will be recognised.
    pub repeats: Vec<(TokenId, IdempotencyKey, StoredResponse)>,
    /// Rows of the source's outbox from which this was made.
    pub processed: Vec<ProcessedRow>,
    /// Rows to remember or forget.
    pub remember: Vec<ReferenceUpdate>,
    /// What became known of the source's customers.
    pub customers: Vec<CustomerUpdate>,
    /// The version of the remembered rows by which changes were understood; nothing where none were needed.
    pub understood_by: Option<u64>,
    /// How records of the source look now, where asking it found news, and the version by which it was compared.
    pub snapshots: Vec<SnapshotUpdate>,
    /// See [`crate::Snapshots::open_seen`].
    pub seen_version: u64,
    /// The version of the endpoints by which deliveries were planned; of no meaning without events.
    pub planned_by: u64,
    /// The source that it came from.
    pub source: Option<SourceId>,
    /// When it came.
    pub now: Timestamp,
}

/// A row of a source's outbox, by what it is recognised when it comes again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProcessedRow {
    /// Its key there.
    pub id: i64,
    /// A digest of the name of the connection that wrote it: keys come back when a database is restored.
    pub mark: i64,
}

impl Submission {
    /// With the deliveries of its events planned by these endpoints; an event larger than `bytes_max` is kept, and its
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

/// An event that comes in.
#[derive(Clone, Debug)]
pub struct NewEvent {
    /// The event; its sequence is given by the store.
    pub event: Event,
    /// Its deliveries.
    pub deliveries: Vec<PlannedDelivery>,
}

impl From<Event> for NewEvent {
    /// With no deliveries yet.
    fn from(event: Event) -> Self {
        Self { event, deliveries: vec![] }
    }
}

/// All endpoints that are not removed, as they were at one version. Their health may be older.
#[derive(Debug, Default)]
pub struct EndpointSnapshot {
    /// Rises whenever an endpoint is added, changed or removed.
    pub version: u64,
    /// The endpoints.
    pub endpoints: Vec<Endpoint>,
}

impl EndpointSnapshot {
    /// Whether any of them asks to have this put into its bodies.
    pub fn includes(&self, what: Include) -> bool {
        self.endpoints.iter().any(|endpoint| endpoint.include.contains(&what))
    }
}

/// What is remembered of a source's rows, as of one version.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReferenceRows {
    /// Rises by one with each submission that remembers or forgets any.
    pub version: u64,
    /// The rows.
    pub rows: Vec<(ObjectKey, Record)>,
}

/// A row to remember, or to forget.
#[derive(Clone, Debug, PartialEq)]
pub struct ReferenceUpdate {
    /// Whose row.
    pub source: SourceId,
    /// Which row.
    pub row: ObjectKey,
    /// The row; nothing to forget it.
    pub record: Option<Record>,
}

/// A customer to remember, or to forget.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomerUpdate {
    /// Whose customer.
    pub source: SourceId,
    /// Their code there.
    pub code: String,
    /// What is known of them; nothing to forget them.
    pub customer: Option<Customer>,
}

/// By what a repeat is recognised, within one token.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IdempotencyKey {
    /// What the key names.
    pub kind: IdempotencyKind,
    /// The sender's own name for it.
    pub key: String,
}

/// What a key names.
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
    /// A digest of what was sent.
    pub digest: [u8; 32],
    /// The answer.
    pub answer: String,
}

/// What became of a submission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// It is on disk; each event with its place in the feed.
    Kept(Vec<(EventId, u64)>),
    /// Endpoints changed since the deliveries were planned: nothing was kept, plan again.
    Stale,
    /// One of its keys was used, one of its rows processed, or what it was understood by changed, meanwhile: nothing was
    /// kept, look again.
    Conflict,
}
