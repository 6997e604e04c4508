use async_trait::async_trait;
use gancho_model::{Event, EventId, ObjectKey, Record, SourceId, Timestamp, TokenId};

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
    async fn remembered(&self, source: SourceId) -> Result<Vec<(ObjectKey, Record)>, StoreError>;

    /// For each row of a source's outbox in its place: whether events were made from it before. A database that is
    /// restored holds such rows again. What is older than anything remembered counts as processed.
    async fn processed(&self, source: SourceId, rows: Vec<ProcessedRow>) -> Result<Vec<bool>, StoreError>;

    /// Keeps events together with a delivery for each endpoint that wants them, all or nothing.
    /// When it returns, they are on disk.
    async fn accept(&self, submission: Submission) -> Result<Accepted, StoreError>;
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
    /// How records of the source look now, where asking it found news.
    pub snapshots: Vec<SnapshotUpdate>,
    /// The source that was heard.
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
    /// When it was written, by the source's clock.
    pub at: Timestamp,
}

/// An event that comes in.
#[derive(Clone, Debug)]
pub struct NewEvent {
    /// The event; its sequence is given by the store.
    pub event: Event,
    /// Whether it may be sent; one over the limit is kept, and its deliveries are skipped.
    pub deliverable: bool,
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
    /// One of its keys was used, or one of its rows processed, meanwhile: nothing was kept, look again.
    Conflict,
}
