//! Runs sessions one after the other, each for one connection to the ERP's database.

use std::time::Duration;

use super::{
    session::Session,
    watcher::{DatabaseWatcher, SourceError},
};

/// A session of this length counts as successful, milliseconds.
const GOOD_LIFE_MS: i64 = 60_000;
/// Delays after failures, seconds.
const WAIT_S: [u64; 5] = [1, 2, 5, 10, 30];

impl DatabaseWatcher {
    /// Runs until the stop. It recovers from all failures of the ERP's database.
    pub async fn run(self) {
        let mut failures = 0;
        loop {
            let began = self.intake.mono();
            let Err(error) = tokio::select! {
                () = self.stop.cancelled() => return,
                ended = self.live() => ended,
            };
            failures = if self.intake.mono().since_ms(began) > GOOD_LIFE_MS { 0 } else { failures + 1 };
            match error {
                SourceError::Question(question) => self.report.asks_whether(&self.source, question).await,
                error => self.report.down(&self.source, error.message()).await,
            }
            let wait = Duration::from_secs(WAIT_S[usize::min(failures, WAIT_S.len() - 1)]);
            tokio::select! {
                () = self.stop.cancelled() => return,
                () = self.again.notified() => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    async fn live(&self) -> Result<std::convert::Infallible, SourceError> {
        let mut session = Session::begin(self).await?;
        self.report.up(&self.source).await;
        loop {
            session.turn().await?;
        }
    }
}
