//! Counts ended attempts that are not recorded yet, and tracks requests to flush them.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use tokio::sync::{Notify, watch};

/// How long a reader waits for the store to write. It then shows what is recorded.
const PATIENCE: Duration = Duration::from_secs(1);

/// Counters since the start.
pub(crate) struct Unrecorded {
    /// Outcomes sent to the recorder.
    ended: AtomicU64,
    /// Outcomes up to this number should be recorded at once.
    wanted: AtomicU64,
    /// The recorder's progress.
    progress: watch::Sender<Progress>,
    /// Notified when more should be recorded at once.
    asked: Notify,
}

#[derive(Clone, Copy, Default)]
struct Progress {
    /// Recorded outcomes.
    recorded: u64,
    /// The last write failed.
    is_stuck: bool,
}

impl Unrecorded {
    pub fn new() -> Self {
        let (ended, wanted) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { ended, wanted, progress: watch::Sender::default(), asked: Notify::new() }
    }

    /// An outcome is sent to the recorder.
    pub fn add(&self) {
        self.ended.fetch_add(1, Ordering::AcqRel);
    }

    /// More outcomes are recorded.
    pub fn recorded(&self, count: usize) {
        self.progress.send_modify(|progress| {
            *progress = Progress { recorded: progress.recorded + count as u64, is_stuck: false };
        });
    }

    /// The store can't write: callers don't wait until it can.
    pub fn stuck(&self) {
        self.progress.send_modify(|progress| progress.is_stuck = true);
    }

    /// Whether a caller waits.
    pub fn is_wanted(&self) -> bool {
        self.wanted.load(Ordering::Acquire) > self.progress.borrow().recorded
    }

    /// Returns when a caller may have started to wait.
    pub async fn asked(&self) {
        self.asked.notified().await;
    }

    /// Waits until all attempts that ended before now are recorded, unless the store can't write.
    pub async fn settle(&self) {
        let ended = self.ended.load(Ordering::Acquire);
        let is_done = |progress: &Progress| progress.recorded >= ended || progress.is_stuck;
        let mut progress = self.progress.subscribe();
        if is_done(&progress.borrow()) {
            return;
        }
        self.wanted.fetch_max(ended, Ordering::AcqRel);
        self.asked.notify_one();
        // The recorder lives as long as the engine; afterwards nothing is pending.
        let _ = tokio::time::timeout(PATIENCE, progress.wait_for(is_done)).await;
    }

    /// Returns when this many are recorded.
    #[cfg(test)]
    pub async fn wait_until_recorded(&self, count: u64) {
        let _ = self.progress.subscribe().wait_for(|progress| progress.recorded >= count).await;
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
        unrecorded.recorded(1);
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
        unrecorded.recorded(1);
        assert_eq!(poll!(&mut settling), Poll::Pending);
        unrecorded.recorded(1);
        assert_eq!(poll!(&mut settling), Poll::Ready(()));
        assert!(!unrecorded.is_wanted(), "what ended later may wait for more");
    }

    #[tokio::test]
    async fn nobody_waits_for_a_store_that_can_t_write() {
        let unrecorded = Unrecorded::new();
        unrecorded.add();
        let mut settling = std::pin::pin!(unrecorded.settle());
        assert_eq!(poll!(&mut settling), Poll::Pending);
        unrecorded.stuck();
        assert_eq!(poll!(&mut settling), Poll::Ready(()));
        unrecorded.add();
        assert_eq!(poll!(std::pin::pin!(unrecorded.settle())), Poll::Ready(()), "nor whoever comes later");
        unrecorded.recorded(1);
        assert_eq!(poll!(std::pin::pin!(unrecorded.settle())), Poll::Pending, "it writes again");
    }
}
