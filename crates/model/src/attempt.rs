use serde::{Deserialize, Serialize};

use crate::{HeaderLog, Timestamp};

/// Why an attempt failed, as named in CONTRACT §2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ErrorKind {
    /// The name could not be resolved.
    Dns,
    /// No connection was established, or it broke.
    Connect,
    /// The TLS handshake failed.
    Tls,
    /// The deadline passed.
    Timeout,
    /// The address is refused.
    Blocked,
    /// The response is not HTTP, or too large.
    Protocol,
    /// The response's status was not 2xx.
    Status,
}

impl ErrorKind {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Dns, Self::Connect, Self::Tls, Self::Timeout, Self::Blocked, Self::Protocol, Self::Status];

    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Timeout => "timeout",
            Self::Blocked => "blocked",
            Self::Protocol => "protocol",
            Self::Status => "status",
        }
    }

    /// Reads the word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// Why an attempt failed: the kind, and a sentence without secrets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The kind.
    pub kind: ErrorKind,
    /// What happened, for a person.
    pub message: String,
}

/// Durations of an attempt's phases, milliseconds. `None` for a phase that was not reached or, on a reused connection,
/// not needed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Phases {
    /// Resolving the name.
    pub dns_ms: Option<u32>,
    /// Connecting.
    pub connect_ms: Option<u32>,
    /// The TLS handshake.
    pub tls_ms: Option<u32>,
    /// From the request's first byte to the response's header.
    pub first_byte_ms: Option<u32>,
    /// Reading the response's body.
    pub body_ms: Option<u32>,
}

/// One HTTP request of a delivery, and its response.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// Its number within its delivery, from 1.
    pub n: u32,
    /// When it began.
    pub at: Timestamp,
    /// How long it took.
    pub duration_ms: u32,
    /// Durations of its phases.
    pub phases: Phases,
    /// The response's status, if any.
    pub status_code: Option<u16>,
    /// Why it failed, if it did.
    pub error: Option<Failure>,
    /// Header fields sent; secrets masked.
    pub request_headers: HeaderLog,
    /// Header fields received; cookies masked.
    pub response_headers: HeaderLog,
    /// The start of the response's body, with undecodable bytes replaced.
    pub response_body: String,
    /// Whether the response was longer than what is kept.
    pub response_truncated: bool,
}

/// The response, as far as decisions need it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// A response, read to its end or to the limit.
    Status {
        /// The status code.
        code: u16,
        /// What `Retry-After` asks for, milliseconds from now.
        retry_after_ms: Option<i64>,
    },
    /// No response, or an incomplete one.
    Nothing,
}
