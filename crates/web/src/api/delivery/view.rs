use gancho_model::{Attempt, Delivery, ErrorKind, HeaderLog, Priority, Reason, State, Timestamp, WaitingFor, mask};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::auth::Reader;

/// A delivery.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DeliveryView {
    id: String,
    event_id: String,
    event: String,
    /// What people call the event's document, such as an invoice's number.
    document: Option<String>,
    endpoint_id: String,
    /// Secrets inside are masked for readers.
    url: String,
    #[schema(value_type = String)]
    state: State,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    reason: Option<Reason>,
    /// `live`, `replay` or `test`.
    #[schema(value_type = String)]
    lane: Priority,
    /// How many were made; in the detail, the attempts themselves, oldest first.
    attempts: Value,
    max_attempts: u32,
    /// While pending: `attempt` (under way, or planned for later), `endpoint_failing`, `endpoint_paused`,
    /// `endpoint_disabled`, `rate`, `slot` or `order`.
    #[schema(value_type = Option<String>)]
    waiting_for: Option<WaitingFor>,
    /// While pending: when the next attempt may go; of a failing endpoint its next probe. Null while that is not known.
    #[schema(value_type = Option<String>, format = DateTime)]
    next_attempt_at: Option<Timestamp>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    last: Option<LastView>,
    /// In the detail: what is sent, byte for byte.
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<String>,
}

/// The last attempt, in short.
#[derive(Debug, Serialize, ToSchema)]
struct LastView {
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    status_code: Option<u16>,
    #[schema(value_type = Option<String>)]
    error: Option<ErrorKind>,
    duration_ms: u32,
}

impl DeliveryView {
    pub fn new(delivery: &Delivery, reader: Reader) -> Self {
        let url = if reader.sees_secrets() { delivery.url.clone() } else { mask::url(&delivery.url) };
        Self::of(delivery, url)
    }

    fn of(delivery: &Delivery, url: String) -> Self {
        Self {
            id: delivery.id.to_string(),
            event_id: delivery.event_id.to_string(),
            event: delivery.event.to_string(),
            document: delivery.label.clone(),
            endpoint_id: delivery.endpoint_id.to_string(),
            url,
            state: delivery.state,
            reason: delivery.reason,
            lane: delivery.lane,
            attempts: delivery.attempts.into(),
            max_attempts: delivery.max_attempts,
            waiting_for: delivery.waiting_for,
            next_attempt_at: delivery.next_attempt_at,
            created_at: delivery.created_at,
            last: delivery.last.map(|last| LastView {
                at: last.at,
                status_code: last.status_code,
                error: last.error,
                duration_ms: last.duration_ms,
            }),
            body: None,
        }
    }

    /// With its attempts, and the bytes that it sends.
    pub fn whole(delivery: &Delivery, attempts: Vec<Attempt>, body: &[u8], reader: Reader) -> Self {
        Self::new(delivery, reader).with(attempts, body)
    }

    /// The same for anybody to read: secrets in the URL are masked.
    pub fn copied(delivery: &Delivery, attempts: Vec<Attempt>, body: &[u8]) -> Self {
        Self::of(delivery, mask::url(&delivery.url)).with(attempts, body)
    }

    fn with(self, attempts: Vec<Attempt>, body: &[u8]) -> Self {
        let attempts: Vec<Value> = attempts.into_iter().map(attempt).collect();
        let body = Some(String::from_utf8_lossy(body).into_owned());
        Self { attempts: attempts.into(), body, ..self }
    }
}

/// Header fields as an object; a name that stands more than once has its values joined.
fn attempt(attempt: Attempt) -> Value {
    let headers = |head: &HeaderLog| {
        let mut map = serde_json::Map::new();
        for (name, value) in head.fields() {
            let joined = match map.get(name).and_then(Value::as_str) {
                Some(first) => format!("{first}, {value}"),
                None => value.to_owned(),
            };
            map.insert(name.to_owned(), joined.into());
        }
        map
    };
    json!({
        "n": attempt.n,
        "at": attempt.at,
        "duration_ms": attempt.duration_ms,
        "phases": attempt.phases,
        "status_code": attempt.status_code,
        "error": attempt.error,
        "request_headers": headers(&attempt.request_headers),
        "response_headers": headers(&attempt.response_headers),
        "response_body": attempt.response_body,
        "response_truncated": attempt.response_truncated,
    })
}
