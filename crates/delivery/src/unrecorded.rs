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
    /// How far the recorder is.
    progress: watch::Sender<Progress>,
    /// Somebody wants more.
    asked: Notify,
}

#[derive(Clone, Copy, Default)]
struct Progress {
    /// Outcomes that were recorded.
    recorded: u64,
    /// The store did not write, the last time.
    is_stuck: bool,
}

impl Unrecorded {
    pub fn new() -> Self {
        let (ended, wanted) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { ended, wanted, progress: watch::Sender::default(), asked: Notify::new() }
    }

    /// One more is on its way to the recorder.
    pub fn add(&self) {
        self.ended.fetch_add(1, Ordering::AcqRel);
    }

    /// So many more are recorded.
    pub fn recorded(&self, count: usize) {
        self.progress.send_modify(|progress| {
            *progress = Progress { recorded: progress.recorded + count as u64, is_stuck: false };
        });
    }

    /// The store can't write: nobody waits for it until it can.
    pub fn stuck(&self) {
        self.progress.send_modify(|progress| progress.is_stuck = true);
    }

    /// Whether somebody waits.
    pub fn is_wanted(&self) -> bool {
        self.wanted.load(Ordering::Acquire) > self.progress.borrow().recorded
    }

    /// Returns when somebody may have begun to wait.
    pub async fn asked(&self) {
        self.asked.notified().await;
    }

    /// Has recorded what ended before now, unless the store can't write.
    pub async fn settle(&self) {
        let ended = self.ended.load(Ordering::Acquire);
        let is_done = |progress: &Progress| progress.recorded >= ended || progress.is_stuck;
        let mut progress = self.progress.subscribe();
        if is_done(&progress.borrow()) {
            return;
        }
        self.wanted.fetch_max(ended, Ordering::AcqRel);
        self.asked.notify_one();
        // The recorder lives as long as the engine; after that, nothing is on its way any more.
        let _ = tokio::time::timeout(PATIENCE, progress.wait_for(is_done)).await;
    }

    /// Returns when so many were recorded.
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
