use std::sync::Arc;

use async_trait::async_trait;
use gancho_model::{DataSubject, Event, Moment};

use crate::{Page, StoreError};

/// Finds and erases data about one customer (RGPD).
#[async_trait]
pub trait PersonalData: Send + Sync {
    /// Scans the next events after a cursor, in the feed or not, and returns those about the customer; [`Page::next`]
    /// is the next cursor, `None` at the end.
    async fn events_about(&self, subject: Arc<DataSubject>, after: Option<i64>)
    -> Result<Page<Event, i64>, StoreError>;

    /// Scans the next events in the same way, and erases for those about the customer: the body, the bodies sent to
    /// endpoints instead, receivers' responses, the search index, and copies received by bins. Pending deliveries are
    /// cancelled. Idempotent.
    async fn erase(&self, subject: Arc<DataSubject>, after: Option<i64>, now: Moment) -> Result<Erased, StoreError>;

    /// Removes the customer's data outside events, and bin requests with it. Called last: where the store can, it then
    /// overwrites erased data on disk.
    async fn forget_customer(&self, subject: Arc<DataSubject>) -> Result<(), StoreError>;
}

/// The result of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Erased {
    /// Events about the customer.
    pub events: u64,
    /// Their deliveries.
    pub deliveries: u64,
    /// Pending deliveries that were cancelled.
    pub cancelled: u64,
    /// The next cursor; `None` at the end.
    pub next: Option<i64>,
}

impl Erased {
    /// Adds the next batch's counts.
    pub fn add(&mut self, next: Self) {
        self.events += next.events;
        self.deliveries += next.deliveries;
        self.cancelled += next.cancelled;
        self.next = next.next;
    }
}
