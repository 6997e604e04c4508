use std::sync::Arc;

use async_trait::async_trait;
use gancho_model::{DataSubject, Event, Moment};

use crate::{Page, StoreError};

/// What is kept about one customer is found and erased (RGPD).
#[async_trait]
pub trait PersonalData: Send + Sync {
    /// Looks at the next events after a place, in the feed or not, and gives those about the customer; [`Page::next`] is
    /// where to go on, and nothing at the end.
    async fn events_about(&self, subject: Arc<DataSubject>, after: Option<i64>)
    -> Result<Page<Event, i64>, StoreError>;

    /// Looks at the next events in the same way, and erases of those about the customer the body, the bodies that
    /// endpoints got instead, what receivers answered, the search index, and what bins received of them. What still waits
    /// is cancelled. Erasing again changes nothing.
    async fn erase(&self, subject: Arc<DataSubject>, after: Option<i64>, now: Moment) -> Result<Erased, StoreError>;

    /// Forgets what is known of the customer beside events, and what lies in bins. Called last: what was erased is overwritten
    /// on disk then, where the store can do that.
    async fn forget_customer(&self, subject: Arc<DataSubject>) -> Result<(), StoreError>;
}

/// What a batch erased.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Erased {
    /// Events that were about the customer.
    pub events: u64,
    /// Their deliveries.
    pub deliveries: u64,
    /// Deliveries that waited and were cancelled.
    pub cancelled: u64,
    /// Where to go on; nothing at the end.
    pub next: Option<i64>,
}

impl Erased {
    /// Adds what the next batch erased.
    pub fn add(&mut self, next: Self) {
        self.events += next.events;
        self.deliveries += next.deliveries;
        self.cancelled += next.cancelled;
        self.next = next.next;
    }
}
