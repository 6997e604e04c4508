//! Watches the outbox of one ERP: one life after the other, each from a connection to its end.

use std::{sync::Arc, time::Duration};

use gancho_intake::Intake;
use gancho_model::{Said, Source};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::{Address, ErpError, life::Life};
use crate::{hearing::HearingOptions, report::Report};

/// After so long, a life went well.
const GOOD_LIFE: Duration = Duration::from_secs(60);
/// The longest that the ERP's database may take for an answer.
const PATIENCE: Duration = Duration::from_secs(60);
/// The waits after a failure, seconds.
const WAIT_S: [u64; 5] = [1, 2, 5, 10, 30];

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
}

impl Ended {
    /// The same for people.
    fn said(&self) -> Said {
        match self {
            Self::Erp(error) => error.said(),
            Self::Ours(said) => said.clone(),
        }
    }

    /// Our own side did not do its part.
    pub fn ours(error: impl std::fmt::Display) -> Self {
        Self::Ours(Said::plain("hearing-ours").with("why", error.to_string()))
    }
}

impl Tail {
    /// Runs until the stop. Whatever happens to the ERP's database, it goes on by itself.
    pub async fn run(self) {
        let mut failures = 0;
        loop {
            let began = Instant::now();
            let Err(error) = tokio::select! {
                () = self.stop.cancelled() => return,
                ended = self.live() => ended,
            };
            failures = if began.elapsed() > GOOD_LIFE { 0 } else { failures + 1 };
            self.report.down(&self.source, error.said()).await;
            let wait = Duration::from_secs(WAIT_S[usize::min(failures, WAIT_S.len() - 1)]);
            tokio::select! {
                () = self.stop.cancelled() => return,
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    async fn live(&self) -> Result<std::convert::Infallible, Ended> {
        let mut life = Life::begin(self).await?;
        self.report.up(&self.source).await;
        loop {
            life.turn().await?;
        }
    }
}

/// The address of a source's database.
pub(crate) fn address(source: &Source) -> Result<Address, Said> {
    let url = source.url.as_ref().ok_or_else(|| Said::plain("error-database-url"))?;
    Address::parse(url.expose())
}

/// No connection that went dead may hold us up for ever.
pub(crate) async fn within<T>(work: impl Future<Output = Result<T, ErpError>>) -> Result<T, ErpError> {
    timeout(PATIENCE, work).await.unwrap_or_else(|_| Err(ErpError::Unreachable("it does not answer".into())))
}
