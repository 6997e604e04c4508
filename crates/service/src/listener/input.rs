use gancho_model::{Attempt, ErrorKind, EventId, Failure, HeaderLog, Message, Phases, Timestamp, mask, target};
use serde_json::{Map, Value, json};

use crate::{
    consumer::Start,
    input::{List, Object, Rules, Scalar, Subscription, Text, Whole, input},
};

/// The address to which a listener forwards: any http or https address, which only the listener itself calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForwardUrl(pub String);

impl Scalar for ForwardUrl {
    fn schema() -> Value {
        json!({"type": "string", "format": "url", "pattern": "^https?://", "maxLength": target::LENGTH_MAX})
    }

    fn parse(value: Value, _: &Rules<'_>) -> Result<Self, Message> {
        let text = value.as_str().ok_or_else(|| Message::new("error-text"))?;
        target::parse(text).map(|url| Self(url.into())).map_err(target::BadUrl::message)
    }
}

/// The start of a receiver's text: any characters are accepted, so that no report is refused because of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excerpt<const MAX: usize>(pub String);

impl<const MAX: usize> Scalar for Excerpt<MAX> {
    fn schema() -> Value {
        json!({"type": "string", "description": format!("The first {MAX} characters count")})
    }

    fn parse(value: Value, _: &Rules<'_>) -> Result<Self, Message> {
        let text = value.as_str().ok_or_else(|| Message::new("error-text"))?;
        Ok(Self(text.chars().take(MAX).collect()))
    }
}

input! {
    /// A listener to be opened.
    pub struct NewListener {
        /// What it is called: under this name it goes on where it stopped.
        pub name: Text<1, 100>,
        /// Where it forwards to.
        pub forward_to: ForwardUrl,
        /// Types and patterns such as `invoice.*`; everything if left out.
        pub events: Option<List<Subscription, 1, 100>>,
        /// After this sequence number, at this time, or `latest`; where it stopped if left out, or `latest` if it is new.
        pub from: Option<Start>,
    }
}

input! {
    /// Why nothing came back, or what came back is no success.
    pub struct ForwardError {
        /// `connect`, `timeout`, `status`, …
        pub kind: ErrorKind,
        /// What happened.
        pub message: Excerpt<1000>,
    }
}

input! {
    /// What became of an event that a listener forwarded.
    pub struct ForwardedInput {
        /// The event.
        pub event_id: EventId,
        /// Its sequence number: what is before it counts as forwarded too.
        pub sequence: Whole<1, { i64::MAX }>,
        /// When it was forwarded.
        pub at: Timestamp,
        /// How long the answer took, milliseconds.
        pub duration_ms: Whole<0, 86_400_000>,
        /// The answer's status, if there was an answer.
        pub status_code: Option<Whole<100, 999>>,
        /// Why it failed, if it did.
        pub error: Option<ForwardError>,
        /// Header fields sent.
        pub request_headers: Option<Object>,
        /// Header fields received.
        pub response_headers: Option<Object>,
        /// The beginning of the answer's body.
        pub response_body: Option<Excerpt<20_000>>,
        /// Whether that is not all of it.
        pub response_truncated: Option<bool>,
    }
}

impl From<ForwardedInput> for Attempt {
    fn from(input: ForwardedInput) -> Self {
        let head = |object: Option<Object>| object.map(|object| log(&object.0)).unwrap_or_default();
        Self {
            n: 0,
            at: input.at,
            duration_ms: input.duration_ms.small(),
            phases: Phases::default(),
            status_code: input.status_code.and_then(|status| u16::try_from(status.0).ok()),
            error: input.error.map(|error| Failure { kind: error.kind, message: error.message.0 }),
            request_headers: head(input.request_headers),
            response_headers: head(input.response_headers),
            response_body: input.response_body.map(|body| body.0).unwrap_or_default(),
            response_truncated: input.response_truncated.unwrap_or(false),
        }
    }
}

/// Header fields for the log: signatures and tokens masked.
fn log(fields: &Map<String, Value>) -> HeaderLog {
    let value = |name: &str, value: &Value| match value.as_str() {
        _ if mask::is_secret_header(name) => mask::MASK.to_owned(),
        Some(text) => text.to_owned(),
        None => value.to_string(),
    };
    let mut log = HeaderLog::new();
    fields.iter().for_each(|(name, field)| log.push(name, &value(name, field)));
    log
}
