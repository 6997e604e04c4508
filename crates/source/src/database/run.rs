//! One life after the other, each from a connection to the ERP's database to its end.

use std::time::Duration;

use tokio::time::Instant;

use super::{
    life::Life,
    tail::{Ended, Tail},
};

/// After so long, a life went well.
const GOOD_LIFE: Duration = Duration::from_secs(60);
/// The waits after a failure, seconds.
const WAIT_S: [u64; 5] = [1, 2, 5, 10, 30];

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
            match error {
                Ended::Question(question) => self.report.asks_whether(&self.source, question).await,
                error => self.report.down(&self.source, error.said()).await,
            }
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
