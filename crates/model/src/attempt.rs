use serde::{Deserialize, Serialize};

use crate::{HeaderLog, Timestamp};

/// Why an attempt failed, in one word of CONTRACT §2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ErrorKind {
    /// The name could not be resolved.
    Dns,
    /// No connection came about, or it broke.
    Connect,
    /// TLS could not be agreed on.
    Tls,
    /// The deadline passed.
    Timeout,
    /// The address is one that we do not call.
    Blocked,
    /// What came back is not HTTP, or too much of it.
    Protocol,
    /// The answer was not 2xx.
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

/// Where an attempt's time went, milliseconds. Nothing where a phase was not reached or, on a
/// connection used again, not needed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Phases {
    /// Resolving the name.
    pub dns_ms: Option<u32>,
    /// Connecting.
    pub connect_ms: Option<u32>,
    /// Agreeing on TLS.
    pub tls_ms: Option<u32>,
    /// From the request's first byte to the answer's head.
    pub first_byte_ms: Option<u32>,
    /// Reading the answer's body.
    pub body_ms: Option<u32>,
}

/// One HTTP request of a delivery, and what came back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// Which attempt of its delivery, counted from 1.
    pub n: u32,
    /// When it began.
    pub at: Timestamp,
    /// How long it took.
    pub duration_ms: u32,
    /// Where the time went.
    pub phases: Phases,
    /// The answer's status, if there was an answer.
    pub status_code: Option<u16>,
    /// Why it failed, if it failed.
    pub error: Option<Failure>,
    /// Header fields sent; secrets masked.
    pub request_headers: HeaderLog,
    /// Header fields received; cookies masked.
    pub response_headers: HeaderLog,
    /// The beginning of the answer's body, undecodable bytes replaced.
    pub response_body: String,
    /// Whether the answer was longer than what is kept.
    pub response_truncated: bool,
}

/// What the wire said, as far as the verdict needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// An answer, read to its end or to the limit.
    Status {
        /// The status code.
        code: u16,
        /// What `Retry-After` asks for, milliseconds from now.
        retry_after_ms: Option<i64>,
    },
    /// No answer, or none that could be read to its end.
    Nothing,
}
