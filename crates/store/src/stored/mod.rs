//! Conversions shared by the stores, whatever the database.

pub(crate) mod attempt;
pub(crate) mod bulk;
pub(crate) mod delivery;
pub(crate) mod endpoint;
pub(crate) mod pending;
pub(crate) mod replay;
pub(crate) mod routes;

use gancho_model::{BinRequest, EventType, Health, MonoTime, Priority, Secret, Source, State, Timestamp};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{IdempotencyKind, StoreError};

/// The interval of counters, milliseconds.
pub(crate) const HOUR_MS: i64 = 3_600_000;

/// Of two events or deliveries, the one with the lower number may have an id created up to this much later,
/// milliseconds: by another thread or node that waited less for the database.
pub(crate) const DISORDER_MS: i64 = 60_000;

/// States as stored, for statements.
pub(crate) const PENDING: i64 = State::Pending as i64;
pub(crate) const DELIVERED: i64 = State::Delivered as i64;
pub(crate) const FAILED: i64 = State::Failed as i64;
pub(crate) const CANCELLED: i64 = State::Cancelled as i64;
/// Queues as stored.
pub(crate) const REPLAY: i64 = Priority::Replay as i64;
pub(crate) const TEST: i64 = Priority::Test as i64;

pub(crate) fn to_json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default() // our own types have no keys that JSON can't represent
}

pub(crate) fn from_json<T: DeserializeOwned>(text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::Broken(format!("a row can't be read: {error}")))
}

pub(crate) fn damaged(what: &str) -> StoreError {
    StoreError::Broken(format!("a row can't be read: {what}"))
}

/// An endpoint's health by a clock that is this far ahead.
pub(crate) fn shifted(health: Health, ahead_ms: i64) -> Health {
    let shift = |at: Option<MonoTime>| at.map(|at| at.plus_ms(ahead_ms));
    Health { probe_at: shift(health.probe_at), counted_at: shift(health.counted_at), ..health }
}

pub(crate) fn event_type(text: &str) -> Result<EventType, StoreError> {
    EventType::parse(text).map_err(|_| damaged("an event's type"))
}

pub(crate) fn state_of(number: i64) -> Result<State, StoreError> {
    usize::try_from(number).ok().and_then(|n| State::ALL.get(n)).copied().ok_or_else(|| damaged("a state"))
}

pub(crate) fn lane_of(number: i64) -> Result<Priority, StoreError> {
    usize::try_from(number).ok().and_then(|n| Priority::ALL.get(n)).copied().ok_or_else(|| damaged("a lane"))
}

/// An idempotency key's kind as stored.
pub(crate) fn kind_number(kind: IdempotencyKind) -> i64 {
    match kind {
        IdempotencyKind::Request => 0,
        IdempotencyKind::Event => 1,
        IdempotencyKind::Change => 2,
    }
}

/// The message key of a state's name.
pub(crate) fn spoken_state(state: State) -> &'static str {
    match state {
        State::Pending => "state-pending",
        State::Delivered => "state-delivered",
        State::Failed => "state-failed",
        State::Cancelled => "state-cancelled",
        State::Skipped => "state-skipped",
    }
}

/// Contents of `bin_requests.head`.
#[derive(Serialize, Deserialize)]
pub(crate) struct BinRequestHead {
    pub method: String,
    pub rest: String,
    pub headers: Vec<(String, String)>,
    pub truncated: bool,
}

impl BinRequestHead {
    pub fn of(request: &BinRequest) -> Self {
        Self {
            method: request.method.clone(),
            rest: request.rest.clone(),
            headers: request.headers.clone(),
            truncated: request.truncated,
        }
    }

    /// The request with its number, time and body.
    pub fn with(self, n: u64, at: Timestamp, body: Vec<u8>) -> BinRequest {
        let Self { method, rest, headers, truncated } = self;
        BinRequest { n, at, method, rest, headers, body, truncated }
    }
}

/// Contents of `sources.sealed`.
#[derive(Serialize, Deserialize)]
pub(crate) struct SealedSource {
    pub url: Option<String>,
    pub key: Option<String>,
}

impl SealedSource {
    pub fn of(source: &Source) -> Self {
        let expose = |secret: &Option<Secret>| secret.as_ref().map(|secret| secret.expose().to_owned());
        Self { url: expose(&source.url), key: expose(&source.key) }
    }
}
