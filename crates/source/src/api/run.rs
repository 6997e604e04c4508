//! Asks one ERP, until the stop.

use std::time::Duration;

use super::{
    ApiError,
    client::OUTBOX,
    outbox_fetcher::OutboxFetcher,
    poller::{self, ApiPoller, ERP, FETCHED, NOT_FETCHED, REFUSED, SourceError},
    scanner::ApiScanner,
};

/// The waits after a failure, seconds.
const WAIT_S: [u64; 5] = [5, 10, 30, 60, 120];
/// How long the ERP shuts an address out, and a little more.
const SHUT_OUT: Duration = Duration::from_secs(11 * 60);

/// How the ERP is heard.
enum Mode<'a> {
    Scans(Box<ApiScanner<'a>>),
    Fetches(Box<OutboxFetcher<'a>>),
}

impl<'a> Mode<'a> {
    async fn open(poller: &'a ApiPoller) -> Result<Self, SourceError> {
        let mut client = poller::client(&poller.source, poller.options.requests_per_s).map_err(SourceError::Ours)?;
        let marks = poller.settle().await?;
        if let Some(list) = marks.get(REFUSED).and_then(|refused| refused.strip_prefix(&poller.key_mark())) {
            return Err(SourceError::Erp(if list.is_empty() {
                ApiError::Key
            } else {
                ApiError::Right(list.to_owned())
            }));
        }
        // A key that is not accepted is noticed here, with one question.
        let lists = client.resources().await?;
        let may_fetch = marks.get(NOT_FETCHED) != Some(&poller.key_mark());
        if lists.iter().any(|list| list == OUTBOX) && may_fetch {
            client = match OutboxFetcher::begin(poller, client).await {
                Ok(Ok(fetcher)) => {
                    poller.mark(ERP, poller.erp_mark()).await?;
                    poller.mark(FETCHED, "1".into()).await?;
                    return Ok(Self::Fetches(Box::new(fetcher)));
                }
                Ok(Err(client)) => client,
                Err(SourceError::Erp(ApiError::Right(_))) => {
                    poller.mark(NOT_FETCHED, poller.key_mark()).await?;
                    poller::client(&poller.source, poller.options.requests_per_s).map_err(SourceError::Ours)?
                }
                Err(error) => return Err(error),
            };
        }
        if marks.contains_key(FETCHED) {
            return Err(ApiError::NoOutbox.into());
        }
        Ok(Self::Scans(Box::new(ApiScanner::begin(poller, client, &marks).await?)))
    }

    async fn turn(&mut self) -> Result<(), SourceError> {
        match self {
            Self::Scans(scanner) => scanner.turn().await,
            Self::Fetches(fetcher) => fetcher.turn().await,
        }
    }
}

impl ApiPoller {
    /// Runs until the stop. Whatever happens to the ERP, it goes on by itself; only a refused key or a
    /// right that is missing stops it until somebody has seen to that.
    pub async fn run(self) {
        let mut mode = None;
        let mut failures = 0;
        loop {
            let turned = tokio::select! {
                () = self.stop.cancelled() => return,
                turned = self.turn(&mut mode, failures > 0) => turned,
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
    async fn turn<'a>(&'a self, mode: &mut Option<Mode<'a>>, was_down: bool) -> Result<(), SourceError> {
        let open = match mode {
            Some(open) => open,
            None => {
                let opened = Mode::open(self).await?;
                self.report.up(&self.source).await;
                mode.insert(opened)
            }
        };
        open.turn().await?;
        if was_down {
            self.report.up(&self.source).await;
        }
        Ok(())
    }

    async fn pause(&self, cut: &SourceError, failures: usize) {
        let wait = match cut {
            SourceError::Erp(error) if error.is_final() => {
                // Five refusals shut everybody at this address out of the ERP.
                let list = if let ApiError::Right(list) = error { list.as_str() } else { "" };
                if let Err(error) = self.mark(REFUSED, self.key_mark() + list).await {
                    tracing::warn!(%error, "that the ERP refused the key could not be noted");
                }
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
