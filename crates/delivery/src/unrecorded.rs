//! Attempts that ended and are not recorded yet: how many there were, and whether somebody waits for their records.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use tokio::sync::{Notify, watch};

/// How long somebody who looks waits for the store to write. What is there by then is shown.
const PATIENCE: Duration = Duration::from_secs(1);

/// Counts since the start.
pub(crate) struct Unrecorded {
    /// Outcomes that were handed to the recorder.
    ended: AtomicU64,
    /// Up to which of them somebody wants them recorded.
    wanted: AtomicU64,
    /// Those that the recorder has tried to record.
    tried: watch::Sender<u64>,
    /// Somebody wants more.
    asked: Notify,
}

impl Unrecorded {
    pub fn new() -> Self {
        let (ended, wanted) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { ended, wanted, tried: watch::Sender::new(0), asked: Notify::new() }
    }

    /// One more is on its way to the recorder.
    pub fn add(&self) {
        self.ended.fetch_add(1, Ordering::AcqRel);
    }

    /// So many more are recorded, or could not be.
    pub fn tried(&self, count: usize) {
        self.tried.send_modify(|tried| *tried += count as u64);
    }

    /// Whether somebody waits.
    pub fn is_wanted(&self) -> bool {
        self.wanted.load(Ordering::Acquire) > *self.tried.borrow()
    }

    /// Returns when somebody may have begun to wait.
    pub async fn asked(&self) {
        self.asked.notified().await;
    }

    /// Has recorded what ended before now, or tried to.
    pub async fn settle(&self) {
        let ended = self.ended.load(Ordering::Acquire);
        let mut tried = self.tried.subscribe();
        if *tried.borrow() >= ended {
            return;
        }
        self.wanted.fetch_max(ended, Ordering::AcqRel);
        self.asked.notify_one();
        // The recorder lives as long as the engine; after that, nothing is on its way any more.
        let _ = tokio::time::timeout(PATIENCE, tried.wait_for(|tried| *tried >= ended)).await;
    }

    /// Returns when so many were recorded, or could not be.
    #[cfg(test)]
    pub async fn wait_until_tried(&self, count: u64) {
        let _ = self.tried.subscribe().wait_for(|tried| *tried >= count).await;
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, task::Poll};

    use futures_util::poll;

    use super::Unrecorded;

    #[tokio::test]
    async fn nobody_waits_where_all_is_recorded() {
        let unrecorded = Unrecorded::new();
        unrecorded.add();
        unrecorded.tried(1);
        assert_eq!(poll!(std::pin::pin!(unrecorded.settle())), Poll::Ready(()));
        assert!(!unrecorded.is_wanted());
    }

    #[tokio::test]
    async fn who_looks_waits_for_what_ended_before_and_not_for_what_ends_later() {
        let unrecorded = Arc::new(Unrecorded::new());
        unrecorded.add();
        unrecorded.add();
        let mut settling = std::pin::pin!(unrecorded.settle());
        assert_eq!(poll!(&mut settling), Poll::Pending);
        assert!(unrecorded.is_wanted());
        unrecorded.asked().await;
        unrecorded.add();
        unrecorded.tried(1);
        assert_eq!(poll!(&mut settling), Poll::Pending);
        unrecorded.tried(1);
        assert_eq!(poll!(&mut settling), Poll::Ready(()));
        assert!(!unrecorded.is_wanted(), "what ended later may wait for more");
    }
}
