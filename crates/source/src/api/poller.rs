//! Asks one ERP, until the stop.

use std::{sync::Arc, time::Duration};

use gancho_intake::Intake;
use gancho_model::{Said, Source};
use gancho_store::Store;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::{ApiError, AskingOptions, Base, Client, client::OUTBOX, fetch::Fetcher, round::Asker};
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
    /// A connection of the ERP that is quiet for so long has ended its act, milliseconds.
    pub quiet_ms: i64,
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

/// How the ERP is heard.
enum Ear<'a> {
    Asks(Box<Asker<'a>>),
    Fetches(Fetcher<'a>),
}

impl<'a> Ear<'a> {
    async fn open(poller: &'a Poller) -> Result<Self, Cut> {
        let mut client = client(&poller.source, poller.options.requests_per_s).map_err(Cut::Ours)?;
        // A key that is not accepted is noticed here, with one question.
        let lists = client.resources().await?;
        if lists.iter().any(|list| list == OUTBOX) {
            client = match Fetcher::begin(poller, client).await? {
                Ok(fetcher) => return Ok(Self::Fetches(fetcher)),
                Err(client) => client,
            };
        }
        Ok(Self::Asks(Box::new(Asker::begin(poller, client).await?)))
    }

    /// Whether it goes on this way.
    async fn turn(&mut self) -> Result<bool, Cut> {
        match self {
            Self::Asks(asker) => asker.turn().await.map(|()| true),
            Self::Fetches(fetcher) => fetcher.turn().await,
        }
    }
}

impl Poller {
    /// Runs until the stop. Whatever happens to the ERP, it goes on by itself; only a refused key or a
    /// right that is missing stops it until somebody has seen to that.
    pub async fn run(self) {
        let mut ear = None;
        let mut failures = 0;
        loop {
            let turned = tokio::select! {
                () = self.stop.cancelled() => return,
                turned = self.turn(&mut ear, failures > 0) => turned,
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

    /// One turn; the first one finds out how this ERP can be heard.
    async fn turn<'a>(&'a self, ear: &mut Option<Ear<'a>>, was_down: bool) -> Result<(), Cut> {
        let open = match ear {
            Some(open) => open,
            None => {
                let opened = Ear::open(self).await?;
                self.report.up(&self.source).await;
                ear.insert(opened)
            }
        };
        if !open.turn().await? {
            *ear = None;
        }
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
