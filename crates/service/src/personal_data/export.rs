use std::sync::Arc;

use bytes::Bytes;
use gancho_model::{Attempt, DataSubject, Delivery, DeliveryId, Event};
use gancho_store::{Page, StoreError};

use crate::{ServiceResult, Services};

/// An event about the customer, with its deliveries.
#[derive(Clone, Debug)]
pub struct PersonalCopy {
    /// The event.
    pub event: Event,
    /// Its deliveries, sent or pending.
    pub sent: Vec<SentCopy>,
}

/// A delivery to one receiver.
#[derive(Clone, Debug)]
pub struct SentCopy {
    /// The delivery.
    pub delivery: Delivery,
    /// The body.
    pub body: Bytes,
    /// The attempts, with their responses.
    pub attempts: Vec<Attempt>,
}

impl Services {
    /// Records that somebody takes out a copy of a customer's data.
    pub async fn note_personal_data_export(&self, subject: &DataSubject, who: &str) {
        self.audit.record(who, "personal_data.exported", &"", subject.code.clone()).await;
    }

    /// Scans the next events after a cursor; [`Page::next`] is the next cursor, `None` at the end.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn personal_copies(
        &self,
        subject: &Arc<DataSubject>,
        after: Option<i64>,
    ) -> ServiceResult<Page<PersonalCopy, i64>> {
        let found = self.store.events_about(subject.clone(), after).await?;
        let mut items = vec![];
        for event in found.items {
            let mut sent = vec![];
            for delivery in self.store.deliveries_of(event.id).await? {
                match self.sent_copy(delivery.id).await {
                    Ok(copy) => sent.push(copy),
                    // Removed meanwhile because of its age.
                    Err(StoreError::NotFound) => {}
                    Err(error) => return Err(error.into()),
                }
            }
            items.push(PersonalCopy { event, sent });
        }
        Ok(Page { items, next: found.next })
    }

    async fn sent_copy(&self, id: DeliveryId) -> Result<SentCopy, StoreError> {
        let (delivery, attempts) = self.store.delivery(id).await?;
        let body = self.store.delivery_body(id).await?;
        Ok(SentCopy { delivery, body, attempts })
    }

    /// Number of events about the customer.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn count_personal_data(&self, subject: &Arc<DataSubject>) -> ServiceResult<u64> {
        let (mut count, mut after) = (0, None);
        loop {
            let found = self.store.events_about(subject.clone(), after).await?;
            count += found.items.len() as u64;
            after = found.next;
            if after.is_none() {
                return Ok(count);
            }
        }
    }
}
