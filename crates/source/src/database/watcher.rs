//! What it takes to watch the outbox of one ERP.

use std::sync::Arc;

use gancho_intake::Intake;
use gancho_model::{Message, Source};
use tokio_util::sync::CancellationToken;

use super::ErpError;
use crate::{options::SourceOptions, report::Report};

/// Watches the outbox of one source.
pub struct DatabaseWatcher {
    /// The source.
    pub source: Source,
    /// Where its changes go.
    pub intake: Arc<Intake>,
    /// Where it reports its state.
    pub report: Report,
    /// How it works.
    pub options: SourceOptions,
    /// When it ends.
    pub stop: CancellationToken,
}

/// Why a session ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SourceError {
    #[error("{0}")]
    CaptureBackend(#[from] ErpError),
    #[error("{0}")]
    Ours(Message),
    /// It may be the wrong ERP: a person has to decide.
    #[error("{0}")]
    Question(Message),
}

impl SourceError {
    /// The same for people.
    pub fn message(&self) -> Message {
        match self {
            Self::CaptureBackend(error) => error.message(),
            Self::Ours(said) | Self::Question(said) => said.clone(),
        }
    }

    /// Our own side did not do its part.
    pub fn ours(error: impl std::fmt::Display) -> Self {
        Self::Ours(Message::new("hearing-ours").with("why", error.to_string()))
    }
}
