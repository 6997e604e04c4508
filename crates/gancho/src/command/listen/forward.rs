//! Forwards an event to a program on this machine, as a delivery would be sent.

use std::time::Duration;

use gancho_model::{
    Clock as _, ErrorKind, EventId, EventType, Secret, SentEvent, SigningSecrets, delivery_headers, target,
};
use reqwest::{Client, Url, redirect::Policy};
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use crate::{cli_error::CliError, command::table::text, system::System};

/// The User-Agent of forwarded requests, the same as that of deliveries.
const AGENT: &str = concat!("Gancho/", env!("CARGO_PKG_VERSION"));
/// Bytes of a response's body for the log.
const KEPT_BYTES: usize = 16 * 1024;

/// An event to forward.
pub struct Event {
    pub id: String,
    pub sequence: u64,
    pub kind: String,
    pub document: Option<String>,
    /// Byte for byte.
    pub body: String,
}

impl Event {
    pub fn of(value: &Value) -> Self {
        Self {
            id: text(&value["id"]),
            sequence: value["sequence"].as_u64().unwrap_or_default(),
            kind: text(&value["event"]),
            document: value["document"].as_str().map(ToOwned::to_owned),
            body: value["body"].as_str().unwrap_or_default().to_owned(),
        }
    }
}

/// Nothing listens at the address: the program is not running.
pub struct NotRunning;

/// Forwards events.
pub struct Forwarder {
    url: Url,
    http: Client,
}

impl Forwarder {
    /// To this address, with a timeout for each response.
    ///
    /// # Errors
    /// If the address is invalid.
    pub fn new(url: &str, timeout: Duration, insecure: bool) -> Result<Self, CliError> {
        let url = target::parse(url).map_err(|error| CliError::usage(format!("--forward-to {error}")))?;
        let http = Client::builder().timeout(timeout).no_proxy().redirect(Policy::none()).user_agent(AGENT);
        let http = http.tls_danger_accept_invalid_certs(insecure).build().map_err(CliError::refused)?;
        Ok(Self { url, http })
    }

    /// Forwards it; returns the result to report.
    ///
    /// # Errors
    /// If no program runs there.
    pub async fn forward(&self, event: &Event, secret: &str) -> Result<Value, NotRunning> {
        let (at, began) = (System.now(), Instant::now());
        let headers = headers(event, secret, at);
        let mut request = self.http.post(self.url.clone()).body(event.body.clone());
        for (name, value) in &headers {
            request = request.header(*name, value);
        }
        let mut report = Map::from_iter([
            ("event_id".to_owned(), event.id.clone().into()),
            ("sequence".to_owned(), event.sequence.into()),
            ("at".to_owned(), at.to_string().into()),
            (
                "request_headers".to_owned(),
                headers.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect::<Map<_, _>>().into(),
            ),
        ]);
        match request.send().await {
            Ok(response) => answered(response, &mut report).await,
            Err(error) if is_refused(&error) => return Err(NotRunning),
            Err(error) => failed(&mut report, kind(&error), &cause(&error)),
        }
        let ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        report.insert("duration_ms".to_owned(), ms.into());
        Ok(Value::Object(report))
    }
}

/// The header fields of a delivery.
fn headers(event: &Event, secret: &str, at: gancho_model::Timestamp) -> Vec<(&'static str, String)> {
    let mut fields = vec![("content-type", "application/json".to_owned()), ("accept", "*/*".to_owned())];
    let (id, kind) = (event.id.parse::<EventId>(), EventType::parse(&event.kind));
    if let (Ok(id), Ok(kind)) = (id, kind) {
        let sent = SentEvent { id, event: &kind, sequence: event.sequence, attempt: 1, body: event.body.as_bytes() };
        fields.extend(delivery_headers(&SigningSecrets::one(Secret::new(secret)), sent, at));
    }
    fields
}

async fn answered(mut response: reqwest::Response, report: &mut Map<String, Value>) {
    let status = response.status();
    let headers: Map<String, Value> = response
        .headers()
        .iter()
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into()))
        .collect();
    report.insert("status_code".to_owned(), status.as_u16().into());
    report.insert("response_headers".to_owned(), headers.into());
    let mut body = vec![];
    // A broken body does not invalidate the response.
    while let Ok(Some(piece)) = response.chunk().await {
        body.extend_from_slice(&piece);
        if body.len() > KEPT_BYTES {
            break;
        }
    }
    report.insert("response_truncated".to_owned(), (body.len() > KEPT_BYTES).into());
    body.truncate(KEPT_BYTES);
    report.insert("response_body".to_owned(), String::from_utf8_lossy(&body).into());
    if !status.is_success() {
        failed(report, ErrorKind::Status, &format!("the answer was {status}"));
    }
}

fn failed(report: &mut Map<String, Value>, kind: ErrorKind, message: &str) {
    report.insert("error".to_owned(), json!({"kind": kind.as_str(), "message": message}));
}

fn kind(error: &reqwest::Error) -> ErrorKind {
    match error {
        _ if error.is_timeout() => ErrorKind::Timeout,
        _ if error.is_connect() => ErrorKind::Connect,
        _ => ErrorKind::Protocol,
    }
}

/// Whether nothing listens at the address. A failed TLS handshake or an unknown name is a connect error too.
fn is_refused(error: &reqwest::Error) -> bool {
    let first: &dyn std::error::Error = error;
    std::iter::successors(Some(first), |error| error.source())
        .filter_map(|error| error.downcast_ref::<std::io::Error>())
        .any(|error| error.kind() == std::io::ErrorKind::ConnectionRefused)
}

/// The innermost cause of an error.
fn cause(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "no answer in time".to_owned();
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(below) = cause.source() {
        cause = below;
    }
    cause.to_string()
}
