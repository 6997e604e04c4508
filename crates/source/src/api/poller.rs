//! Asks one ERP, until the stop.

use std::{sync::Arc, time::Duration};

use gancho_intake::Intake;
use gancho_model::{Said, Source};
use gancho_store::Store;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::{ApiError, AskingOptions, Base, Client, round::Asker};
use crate::report::Report;

/// The waits after a failure, seconds.
const WAIT_S: [u64; 5] = [5, 10, 30, 60, 120];
/// How long the ERP shuts an address out, and a little more.
const SHUT_OUT: Duration = Duration::from_secs(11 * 60);

/// Asks one source's API.
pub(crate) struct Poller {
    /// The source.
    pub source: Source,
    /// Where what was seen is kept.
    pub store: Arc<dyn Store>,
    /// Where its changes go.
    pub intake: Arc<Intake>,
    /// Where it is told how it goes.
    pub report: Report,
    /// How it asks.
    pub options: AskingOptions,
    /// Rung when somebody mended what made it stop asking.
    pub again: Arc<Notify>,
    /// When it ends.
    pub stop: CancellationToken,
}

/// Why asking was cut short.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Cut {
    #[error("{0}")]
    Erp(#[from] ApiError),
    #[error("{0}")]
    Ours(Said),
}

impl Cut {
    /// Our own side did not do its part.
    pub fn ours(error: impl std::fmt::Display) -> Self {
        Self::Ours(Said::plain("hearing-ours").with("why", error.to_string()))
    }

    fn said(&self) -> Said {
        match self {
            Self::Erp(error) => error.said(),
            Self::Ours(said) => said.clone(),
        }
    }
}

/// A connection to a source's API.
///
/// # Errors
/// What its address or key lacks.
pub(crate) fn client(source: &Source, per_s: u32) -> Result<Client, Said> {
    let base = Base::of(source)?;
    let key = source.key.clone().ok_or_else(|| Said::plain("error-erp-key"))?;
    Client::new(base, key, per_s).map_err(|error| error.said())
}

impl Poller {
    /// Runs until the stop. Whatever happens to the ERP, it goes on by itself; only a refused key or a
    /// right that is missing stops it until somebody has seen to that.
    pub async fn run(self) {
        let mut asker = None;
        let mut failures = 0;
        loop {
            let turned = tokio::select! {
                () = self.stop.cancelled() => return,
                turned = self.turn(&mut asker, failures > 0) => turned,
            };
            match turned {
                Ok(()) => failures = 0,
                Err(cut) => {
                    self.pause(&cut, failures).await;
                    failures += 1;
                }
            }
        }
    }

    /// One turn of the one who asks; a first one begins.
    async fn turn<'a>(&'a self, asker: &mut Option<Asker<'a>>, was_down: bool) -> Result<(), Cut> {
        let asking = match asker {
            Some(asking) => asking,
            None => {
                let begun = Asker::begin(self).await?;
                self.report.up(&self.source).await;
                asker.insert(begun)
            }
        };
        asking.turn().await?;
        if was_down {
            self.report.up(&self.source).await;
        }
        Ok(())
    }

    async fn pause(&self, cut: &Cut, failures: usize) {
        let wait = match cut {
            Cut::Erp(error) if error.is_final() => {
                // Five refusals shut everybody at this address out of the ERP.
                self.report.stopped(&self.source, cut.said()).await;
                None
            }
            Cut::Erp(ApiError::ShutOut) => Some(SHUT_OUT),
            _ => Some(Duration::from_secs(WAIT_S[usize::min(failures, WAIT_S.len() - 1)])),
        };
        let rest = async {
            match wait {
                Some(wait) => tokio::time::sleep(wait).await,
                None => std::future::pending().await,
            }
        };
        if wait.is_some() {
            self.report.down(&self.source, cut.said()).await;
        }
        tokio::select! {
            () = self.stop.cancelled() => {}
            () = self.again.notified() => {}
            () = rest => {}
        }
    }
}
