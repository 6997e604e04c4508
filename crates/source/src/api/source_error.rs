use gancho_intake::IntakeError;
use gancho_model::Message;
use gancho_store::StoreError;

use super::ApiError;

/// Why polling ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SourceError {
    #[error("{0}")]
    Erp(#[from] ApiError),
    #[error("{0}")]
    Ours(Message),
    /// Another session has opened the source since, or it started again: this state is outdated.
    #[error("{0}")]
    TakenOver(Message),
}

impl SourceError {
    /// An error on our side.
    pub fn ours(error: impl std::fmt::Display) -> Self {
        Self::Ours(Message::new("hearing-ours").with("why", error.to_string()))
    }

    /// An error of the store.
    pub fn of_store(error: StoreError) -> Self {
        match error {
            StoreError::Conflict(why) => Self::TakenOver(why),
            other => Self::ours(other),
        }
    }

    /// An error of intake.
    pub fn from_intake(error: IntakeError) -> Self {
        match error {
            IntakeError::Store(error) => Self::of_store(error),
            other => Self::ours(other),
        }
    }

    pub fn message(&self) -> Message {
        match self {
            Self::Erp(error) => error.message(),
            Self::Ours(message) | Self::TakenOver(message) => message.clone(),
        }
    }
}
