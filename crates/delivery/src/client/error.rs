use gancho_model::{ErrorKind, Failure};

/// Why an exchange came to nothing. Never repeats what a receiver sent, nor the URL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SendError {
    /// The kind.
    pub kind: ErrorKind,
    /// What happened.
    pub message: String,
}

impl SendError {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    pub(super) fn of_hyper(error: &hyper::Error) -> Self {
        if error.is_parse() {
            return Self::new(ErrorKind::Protocol, "the answer is not HTTP, or its header is too large");
        }
        if error.is_incomplete_message() || error.is_canceled() || error.is_closed() {
            return Self::new(ErrorKind::Connect, "the connection was closed before the answer was complete");
        }
        Self::new(ErrorKind::Connect, "the connection broke before the answer was complete")
    }
}

impl From<SendError> for Failure {
    fn from(error: SendError) -> Self {
        Self { kind: error.kind, message: error.message }
    }
}
