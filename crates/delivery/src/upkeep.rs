//! What is old goes, a little at a time, between other work.

use std::{sync::Arc, time::Duration};

use gancho_model::Ambient;
use gancho_store::Store;
use tokio_util::sync::CancellationToken;

/// How often it looks when there was nothing to do.
const EVERY: Duration = Duration::from_secs(60);
/// The pause between two batches, so that requests come first.
const PAUSE: Duration = Duration::from_millis(50);

pub(crate) async fn run(
    store: Arc<dyn Store>,
    ambient: Arc<dyn Ambient>,
    retention_days: u32,
    stop: CancellationToken,
) {
    let retention_ms = i64::from(retention_days) * 24 * 3600 * 1000;
    loop {
        let now = ambient.now();
        let wait = match store.prune(now.plus_ms(-retention_ms), now).await {
            Ok(pruned) if !pruned.is_nothing() => {
                let (expired, events) = (pruned.expired, pruned.events);
                tracing::debug!(expired, events, "removed what is older than the retention");
                PAUSE
            }
            Ok(_) => EVERY,
            Err(error) => {
                tracing::warn!(%error, "old events could not be removed; trying again");
                EVERY
            }
        };
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = stop.cancelled() => return,
        }
    }
}
