use async_trait::async_trait;
use gancho_model::{Event, EventId, ObjectKey, Record, SourceId, Timestamp, TokenId};

use crate::{Sight, StoreError};

/// What intake asks of the store.
#[async_trait]
pub trait Accepting: Send + Sync {
    /// What was answered the first time, for each key in its place.
    async fn recall(&self, token: TokenId, keys: Vec<RepeatKey>) -> Result<Vec<Option<Recalled>>, StoreError>;

    /// What is remembered of a source's rows.
    async fn remembered(&self, source: SourceId) -> Result<Vec<(ObjectKey, Record)>, StoreError>;

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
    pub repeats: Vec<(TokenId, RepeatKey, Recalled)>,
    /// What needs not be recognised any more: it can't come again.
    pub forget: Vec<(TokenId, RepeatKey)>,
    /// Rows to remember or forget.
    pub remember: Vec<Remember>,
    /// How records of the source look now, where asking it found news.
    pub sights: Vec<Sight>,
    /// The source that was heard.
    pub source: Option<SourceId>,
    /// When it came.
    pub now: Timestamp,
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
pub struct Remember {
    /// Whose row.
    pub source: SourceId,
    /// Which row.
    pub row: ObjectKey,
    /// The row; nothing to forget it.
    pub record: Option<Record>,
}

/// By what a repeat is recognised, within one token.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RepeatKey {
    /// What the key names.
    pub kind: RepeatKind,
    /// The sender's own name for it.
    pub key: String,
}

/// What a key names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RepeatKind {
    /// A whole request, by its `Idempotency-Key`.
    Request,
    /// One event, by its `id`.
    Event,
    /// One change, by its `id`.
    Change,
}

/// What was said the first time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recalled {
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
    /// One of its keys was used meanwhile: nothing was kept, recall again.
    Raced,
}
