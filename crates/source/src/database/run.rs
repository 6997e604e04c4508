//! One session after the other, each from a connection to the ERP's database to its end.

use std::time::Duration;

use tokio::time::Instant;

use super::{
    session::Session,
    watcher::{DatabaseWatcher, SourceError},
};

/// After so long, a session went well.
const GOOD_LIFE: Duration = Duration::from_secs(60);
/// The waits after a failure, seconds.
const WAIT_S: [u64; 5] = [1, 2, 5, 10, 30];

impl DatabaseWatcher {
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
            match error {
                SourceError::Question(question) => self.report.asks_whether(&self.source, question).await,
                error => self.report.down(&self.source, error.message()).await,
            }
            let wait = Duration::from_secs(WAIT_S[usize::min(failures, WAIT_S.len() - 1)]);
            tokio::select! {
                () = self.stop.cancelled() => return,
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
