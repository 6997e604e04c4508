use std::{sync::Arc, time::Duration};

use gancho_store::{Store, StoreError};
use tokio_util::sync::CancellationToken;

use super::text_of;

/// Events indexed in one transaction.
const BATCH: usize = 500;
/// Between two batches: at most 2,000 events per second, so that deliveries of an imported ERP have priority.
const PAUSE: Duration = Duration::from_millis(250);
/// With fewer events, wait for more: a transaction costs about the same for few or many.
const FEW: usize = 100;
/// The duration of that wait.
const GATHER: Duration = Duration::from_secs(1);
/// Delay after an error, which may be a full disk.
const AFTER_ERROR: Duration = Duration::from_secs(10);

/// Keeps the search index up to date until the stop. Events that are not indexed yet are scanned.
pub async fn keep_index(store: Arc<dyn Store>, stop: CancellationToken) {
    let mut news = store.watch();
    loop {
        news.mark_unchanged();
        let pause = match index_batch(&*store).await {
            Ok(0) => {
                tokio::select! {
                    () = stop.cancelled() => return,
                    changed = news.changed() => if changed.is_err() { return },
                }
                GATHER
            }
            Ok(count) if count < FEW => GATHER,
            Ok(_) => PAUSE,
            Err(error) => {
                tracing::warn!(%error, "the search index can't be written: the newest events are searched one by one");
                AFTER_ERROR
            }
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Indexes the next events; returns how many.
///
/// # Errors
/// If the log can't be read or the index can't be written.
pub async fn index_batch(store: &dyn Store) -> Result<usize, StoreError> {
    let events = store.unindexed(BATCH).await?;
    let count = events.len();
    if count > 0 {
        let texts = tokio::task::spawn_blocking(move || {
            events.iter().map(|event| (event.sequence, text_of(event))).collect::<Vec<_>>()
        });
        let texts = texts.await.map_err(|error| StoreError::Broken(error.to_string()))?;
        store.index(texts).await?;
    }
    Ok(count)
}
