//! The configuration for watching one ERP's outbox.

use std::sync::Arc;

use gancho_intake::Intake;
use gancho_model::{Message, Source};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::ErpError;
use crate::{options::SourceOptions, report::Report};

/// Watches the outbox of one source.
pub struct DatabaseWatcher {
    /// The source.
    pub source: Source,
    /// Receives its changes.
    pub intake: Arc<Intake>,
    /// Receives its status.
    pub report: Report,
    /// Options.
    pub options: SourceOptions,
    /// Ends the delay before it connects again, after a check that found the database.
    pub again: Arc<Notify>,
    /// Cancelled to stop it.
    pub stop: CancellationToken,
}

/// Why a session ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SourceError {
    #[error("{0}")]
    CaptureBackend(#[from] ErpError),
    #[error("{0}")]
    Ours(Message),
    /// It may be the wrong ERP: a user has to decide.
    #[error("{0}")]
    Question(Message),
}

impl SourceError {
    /// The localized message.
    pub fn message(&self) -> Message {
        match self {
            Self::CaptureBackend(error) => error.message(),
            Self::Ours(said) | Self::Question(said) => said.clone(),
        }
    }

    /// An error on our side.
    pub fn ours(error: impl std::fmt::Display) -> Self {
        Self::Ours(Message::new("hearing-ours").with("why", error.to_string()))
    }
}
