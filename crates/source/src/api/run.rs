//! Polls one ERP until the stop.

use std::{sync::Arc, time::Duration};

use super::{
    ApiError,
    client::OUTBOX,
    outbox_fetcher::OutboxFetcher,
    poller::{self, ApiPoller, ERP, FETCHED, NOT_FETCHED, REFUSED},
    scanner::ApiScanner,
    seen::SeenRecords,
    source_error::SourceError,
};

/// Delays after failures, seconds.
const WAIT_S: [u64; 5] = [5, 10, 30, 60, 120];
/// How long the ERP blocks an address, plus a margin.
const SHUT_OUT: Duration = Duration::from_secs(11 * 60);

/// How the ERP is read.
enum Mode<'a> {
    Scans(Box<ApiScanner<'a>>),
    Fetches(Box<OutboxFetcher<'a>>),
}

impl<'a> Mode<'a> {
    async fn open(poller: &'a ApiPoller, seen: &Arc<SeenRecords>) -> Result<Self, SourceError> {
        let mut client = poller::client(&poller.source, poller.options.requests_per_s).map_err(SourceError::Ours)?;
        let marks = poller.settle(seen).await?;
        if let Some(list) = marks.get(REFUSED).and_then(|refused| refused.strip_prefix(&poller.key_mark())) {
            return Err(SourceError::Erp(if list.is_empty() {
                ApiError::Key
            } else {
                ApiError::Right(list.to_owned())
            }));
        }
        // One request shows whether the key is accepted.
        let lists = client.resources().await?;
        let may_fetch = marks.get(NOT_FETCHED) != Some(&poller.key_mark());
        if lists.iter().any(|list| list == OUTBOX) && may_fetch {
            client = match OutboxFetcher::begin(poller, client, seen).await {
                Ok(Ok(fetcher)) => {
                    seen.set_mark(ERP, poller.erp_mark()).await?;
                    seen.set_mark(FETCHED, "1".into()).await?;
                    return Ok(Self::Fetches(Box::new(fetcher)));
                }
                Ok(Err(client)) => client,
                Err(SourceError::Erp(ApiError::Right(_))) => {
                    seen.set_mark(NOT_FETCHED, poller.key_mark()).await?;
                    poller::client(&poller.source, poller.options.requests_per_s).map_err(SourceError::Ours)?
                }
                Err(error) => return Err(error),
            };
        }
        if marks.contains_key(FETCHED) {
            return Err(ApiError::NoOutbox.into());
        }
        Ok(Self::Scans(Box::new(ApiScanner::begin(poller, client, seen.clone(), &marks).await?)))
    }

    async fn turn(&mut self) -> Result<(), SourceError> {
        match self {
            Self::Scans(scanner) => scanner.turn().await,
            Self::Fetches(fetcher) => fetcher.turn().await,
        }
    }
}

/// The connection to one ERP.
#[derive(Default)]
struct Session<'a> {
    seen: Option<Arc<SeenRecords>>,
    mode: Option<Mode<'a>>,
}

impl ApiPoller {
    /// Runs until the stop. It recovers from all failures of the ERP; only a refused key or a missing right stops it
    /// until it is fixed.
    pub async fn run(self) {
        let mut session = Session::default();
        let mut failures = 0;
        loop {
            let turned = tokio::select! {
                () = self.stop.cancelled() => return,
                turned = self.turn(&mut session, failures > 0) => turned,
            };
            match turned {
                Ok(()) => failures = 0,
                Err(cut) => {
                    self.pause(&cut, failures, session.seen.as_deref()).await;
                    failures += 1;
                    if matches!(cut, SourceError::TakenOver(_)) {
                        session = Session::default();
                    }
                }
            }
        }
    }

    /// One cycle; the first one determines how this ERP can be read.
    async fn turn<'a>(&'a self, session: &mut Session<'a>, was_down: bool) -> Result<(), SourceError> {
        let seen = match &session.seen {
            Some(seen) => seen,
            None => session.seen.insert(Arc::new(SeenRecords::open(self.store.clone(), self.source.id).await?)),
        };
        let mode = match &mut session.mode {
            Some(mode) => mode,
            None => {
                let opened = Mode::open(self, seen).await?;
                self.report.up(&self.source).await;
                session.mode.insert(opened)
            }
        };
        mode.turn().await?;
        if was_down {
            self.report.up(&self.source).await;
        }
        Ok(())
    }

    async fn pause(&self, cut: &SourceError, failures: usize, seen: Option<&SeenRecords>) {
        let wait = match cut {
            SourceError::Erp(error) if error.is_final() => {
                // After five refusals the ERP blocks everyone at this address.
                let list = if let ApiError::Right(list) = error { list.as_str() } else { "" };
                note(seen, REFUSED, self.key_mark() + list).await;
                self.report.stopped(&self.source, cut.message()).await;
                None
            }
            SourceError::Erp(ApiError::ShutOut) => Some(SHUT_OUT),
            _ => Some(Duration::from_secs(WAIT_S[usize::min(failures, WAIT_S.len() - 1)])),
        };
        let rest = async {
            match wait {
                Some(wait) => tokio::time::sleep(wait).await,
                None => std::future::pending().await,
            }
        };
        if wait.is_some() {
            self.report.down(&self.source, cut.message()).await;
        }
        tokio::select! {
            () = self.stop.cancelled() => {}
            // A check by a user found no problem.
            () = self.again.notified() => {
                for mark in [REFUSED, NOT_FETCHED] {
                    note(seen, mark, String::new()).await;
                }
            }
            () = rest => {}
        }
    }
}

/// Stores the ERP's response for the next start.
async fn note(seen: Option<&SeenRecords>, mark: &str, text: String) {
    let Some(seen) = seen else { return };
    if let Err(error) = seen.set_mark(mark, text).await {
        tracing::warn!(%error, mark, "the ERP's response could not be stored");
    }
}
