//! The plugin's outbox, fetched over the ERP's API where its owner lets us: then nothing has to be compared.

use std::time::Duration;

use super::{ApiError, ErpClient, poller::ApiPoller, seen::SeenRecords, source_error::SourceError};
use crate::{grouping::CommitTracker, plugin};

/// Rows of a look at first, and of one act at the most.
const ROWS: usize = 1000;
const ROWS_MAX: usize = 20_000;
/// How long nothing is asked for after an empty look.
const IDLE: Duration = Duration::from_secs(2);
/// The wait while an act goes on.
const BUSY: Duration = Duration::from_millis(100);

/// Fetches one ERP's outbox.
pub(crate) struct OutboxFetcher<'a> {
    poller: &'a ApiPoller,
    client: ErpClient,
    first: bool,
    /// Rows of a look: more while one act is larger than that.
    rows: usize,
    sightings: CommitTracker,
}

impl<'a> OutboxFetcher<'a> {
    /// Looks whether the outbox may be fetched; else the client is given back. A key that may not counts as
    /// refused once: that is remembered by whoever asks.
    pub async fn begin(
        poller: &'a ApiPoller,
        mut client: ErpClient,
        seen: &SeenRecords,
    ) -> Result<Result<Self, ErpClient>, SourceError> {
        if client.outbox(1, false).await?.is_none() {
            return Ok(Err(client));
        }
        // What was seen by polling says nothing of what comes by this way.
        seen.forget().await?;
        Ok(Ok(Self { poller, client, first: true, rows: ROWS, sightings: CommitTracker::default() }))
    }

    /// One look.
    pub async fn turn(&mut self) -> Result<(), SourceError> {
        let Some(payload) = self.client.outbox(self.rows, self.first).await? else {
            return Err(ApiError::NoOutbox.into());
        };
        self.first = false;
        let (source, intake) = (&self.poller.source, &self.poller.intake);
        self.poller.report.plugin(source, &payload.status);
        let is_cut = payload.more;
        let (is_empty, teaches) = (payload.rows.is_empty(), !payload.known.is_empty());
        let over = plugin::take(intake, source, payload, (&mut self.sightings, self.poller.quiet_ms)).await;
        let over = over.map_err(SourceError::Ours)?;
        if teaches || !over.taken.is_empty() {
            self.client.remove(&over.taken).await?;
        }
        self.rows = if is_cut && over.taken.is_empty() { (self.rows * 4).min(ROWS_MAX) } else { ROWS };
        if is_empty || over.taken.is_empty() {
            tokio::time::sleep(if is_empty { IDLE } else { BUSY }).await;
        }
        Ok(())
    }
}
