//! What it takes to watch the outbox of one ERP.

use std::sync::Arc;

use gancho_intake::Intake;
use gancho_model::{Said, Source};
use tokio_util::sync::CancellationToken;

use super::ErpError;
use crate::{options::HearingOptions, report::Report};

/// Watches the outbox of one source.
pub struct Tail {
    /// The source.
    pub source: Source,
    /// Where its changes go.
    pub intake: Arc<Intake>,
    /// Where it is told how it goes.
    pub report: Report,
    /// How it works.
    pub options: HearingOptions,
    /// When it ends.
    pub stop: CancellationToken,
}

/// Why a life ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Ended {
    #[error("{0}")]
    Erp(#[from] ErpError),
    #[error("{0}")]
    Ours(Said),
    /// It may be the wrong ERP: a person has to decide.
    #[error("{0}")]
    Question(Said),
}

impl Ended {
    /// The same for people.
    pub fn said(&self) -> Said {
        match self {
            Self::Erp(error) => error.said(),
            Self::Ours(said) | Self::Question(said) => said.clone(),
        }
    }

    /// Our own side did not do its part.
    pub fn ours(error: impl std::fmt::Display) -> Self {
        Self::Ours(Said::plain("hearing-ours").with("why", error.to_string()))
    }
}
