//! Asks one ERP, until the stop.

use std::{collections::HashMap, sync::Arc, time::Duration};

use gancho_intake::{Intake, digest};
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
    Fetches(Box<Fetcher<'a>>),
}

/// The mark of the ERP that was heard: of another one nothing is known.
const ERP: &str = "erp";
/// The mark that the plugin's outbox was fetched: asking beside it would tell everything twice.
const FETCHED: &str = "fetched";
/// The mark of a key that may not fetch the outbox, and needs not be refused once more.
const NOT_FETCHED: &str = "not-fetched";
/// The mark of a refusal: with the same key nothing is asked again, not even after a restart.
const REFUSED: &str = "refused";

impl<'a> Ear<'a> {
    async fn open(poller: &'a Poller) -> Result<Self, Cut> {
        let mut client = client(&poller.source, poller.options.requests_per_s).map_err(Cut::Ours)?;
        let marks = poller.settle().await?;
        if let Some(list) = marks.get(REFUSED).and_then(|refused| refused.strip_prefix(&poller.key_mark())) {
            return Err(Cut::Erp(if list.is_empty() { ApiError::Key } else { ApiError::Right(list.to_owned()) }));
        }
        // A key that is not accepted is noticed here, with one question.
        let lists = client.resources().await?;
        let may_fetch = marks.get(NOT_FETCHED) != Some(&poller.key_mark());
        if lists.iter().any(|list| list == OUTBOX) && may_fetch {
            client = match Fetcher::begin(poller, client).await {
                Ok(Ok(fetcher)) => {
                    poller.mark(ERP, poller.erp_mark()).await?;
                    poller.mark(FETCHED, "1".into()).await?;
                    return Ok(Self::Fetches(Box::new(fetcher)));
                }
                Ok(Err(client)) => client,
                Err(Cut::Erp(ApiError::Right(_))) => {
                    poller.mark(NOT_FETCHED, poller.key_mark()).await?;
                    self::client(&poller.source, poller.options.requests_per_s).map_err(Cut::Ours)?
                }
                Err(error) => return Err(error),
            };
        }
        if marks.contains_key(FETCHED) {
            return Err(ApiError::NoOutbox.into());
        }
        Ok(Self::Asks(Box::new(Asker::begin(poller, client, &marks).await?)))
    }

    async fn turn(&mut self) -> Result<(), Cut> {
        match self {
            Self::Asks(asker) => asker.turn().await,
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
        open.turn().await?;
        if was_down {
            self.report.up(&self.source).await;
        }
        Ok(())
    }

    /// How far asking has come.
    pub async fn marks(&self) -> Result<HashMap<String, String>, Cut> {
        let marks = self.store.marks(self.source.id).await.map_err(Cut::ours)?;
        Ok(marks.into_iter().collect())
    }

    /// The same; nothing if it was another ERP that was asked.
    async fn settle(&self) -> Result<HashMap<String, String>, Cut> {
        let marks = self.marks().await?;
        if marks.get(ERP) == Some(&self.erp_mark()) {
            return Ok(marks);
        }
        self.store.forget_seen(self.source.id).await.map_err(Cut::ours)?;
        self.mark(ERP, self.erp_mark()).await?;
        Ok(HashMap::from([(ERP.to_owned(), self.erp_mark())]))
    }

    async fn mark(&self, name: &str, text: String) -> Result<(), Cut> {
        self.store.set_mark(self.source.id, name, text).await.map_err(Cut::ours)
    }

    /// Which ERP it is, without what may be secret in its address.
    fn erp_mark(&self) -> String {
        short(Base::of(&self.source).map_or_else(|_| String::new(), |base| base.to("", None).to_string()).as_bytes())
    }

    /// Which key it is.
    fn key_mark(&self) -> String {
        short(self.source.key.as_ref().map_or("", |key| key.expose()).as_bytes()) + " "
    }

    async fn pause(&self, cut: &Cut, failures: usize) {
        let wait = match cut {
            Cut::Erp(error) if error.is_final() => {
                // Five refusals shut everybody at this address out of the ERP.
                let list = if let ApiError::Right(list) = error { list.as_str() } else { "" };
                if let Err(error) = self.mark(REFUSED, self.key_mark() + list).await {
                    tracing::warn!(%error, "that the ERP refused the key could not be noted");
                }
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
            // Somebody looked, and all was well.
            () = self.again.notified() => {
                for mark in [REFUSED, NOT_FETCHED] {
                    if let Err(error) = self.mark(mark, String::new()).await {
                        tracing::warn!(%error, "that all is well again could not be noted");
                    }
                }
            }
            () = rest => {}
        }
    }
}

fn short(bytes: &[u8]) -> String {
    digest(bytes).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}
