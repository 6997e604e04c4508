//! Fetches the plugin's outbox over the ERP's API, if the key allows it: then no comparing is needed.

use std::time::Duration;

use super::{ApiError, ErpClient, poller::ApiPoller, seen::SeenRecords, source_error::SourceError};
use crate::{grouping::CommitTracker, plugin};

/// Initial rows per batch, and maximum rows of one change group.
const ROWS: usize = 1000;
const ROWS_MAX: usize = 20_000;
/// Wait after an empty batch.
const IDLE: Duration = Duration::from_secs(2);
/// Wait while a change group is incomplete.
const BUSY: Duration = Duration::from_millis(100);

/// Fetches one ERP's outbox.
pub(crate) struct OutboxFetcher<'a> {
    poller: &'a ApiPoller,
    client: ErpClient,
    first: bool,
    /// Rows per batch: raised while a change group is larger.
    rows: usize,
    sightings: CommitTracker,
}

impl<'a> OutboxFetcher<'a> {
    /// Checks whether the outbox may be fetched; otherwise returns the client. The ERP counts a refusal once: the
    /// caller remembers it.
    pub async fn begin(
        poller: &'a ApiPoller,
        mut client: ErpClient,
        seen: &SeenRecords,
    ) -> Result<Result<Self, ErpClient>, SourceError> {
        if client.outbox(1, false).await?.is_none() {
            return Ok(Err(client));
        }
        // Snapshots from polling don't apply to the outbox.
        seen.forget().await?;
        Ok(Ok(Self { poller, client, first: true, rows: ROWS, sightings: CommitTracker::default() }))
    }

    /// One batch.
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
