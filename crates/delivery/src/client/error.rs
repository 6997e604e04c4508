use gancho_model::{ErrorKind, Failure};
use http::StatusCode;

/// Why an exchange failed. Never contains data from the receiver or the URL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SendError {
    /// The kind.
    pub kind: ErrorKind,
    /// What happened.
    pub message: String,
    /// Whether this machine lacked a resource: then there was no attempt.
    pub is_ours: bool,
}

impl SendError {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), is_ours: false }
    }

    /// An error caused by a lack of resources on this machine.
    pub(crate) fn ours(message: impl Into<String>) -> Self {
        Self { is_ours: true, ..Self::new(ErrorKind::Connect, message) }
    }

    /// Converts hyper's error; `status` is from the response's status line, if it was received.
    pub(super) fn of_hyper(error: &hyper::Error, status: Option<StatusCode>) -> Self {
        if error.is_parse() || error.is_parse_too_large() {
            return Self::new(ErrorKind::Protocol, unreadable(error, status));
        }
        if error.is_incomplete_message() || error.is_canceled() || error.is_closed() {
            return Self::new(ErrorKind::Connect, "the connection was closed before the answer was complete");
        }
        Self::new(ErrorKind::Connect, "the connection broke before the answer was complete")
    }
}

/// Describes an invalid response.
fn unreadable(error: &hyper::Error, status: Option<StatusCode>) -> String {
    let detail = error.to_string();
    let what = match status {
        _ if error.is_parse_too_large() => "its header is too large",
        None => "it does not begin as HTTP/1 does",
        Some(_) if detail.contains("content-length") => "its Content-Length is no number, or stands there twice",
        Some(_) if detail.contains("transfer-encoding") => {
            "it has a Transfer-Encoding that its version of HTTP does not know (chunked needs HTTP/1.1)"
        }
        Some(_) => "a line of its header is malformed",
    };
    let began = status.map_or_else(String::new, |status| format!(" {}", status.as_u16()));
    format!("the receiver's answer{began} can't be read: {what}")
}

impl From<SendError> for Failure {
    fn from(error: SendError) -> Self {
        Self { kind: error.kind, message: error.message }
    }
}
