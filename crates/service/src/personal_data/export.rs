use std::sync::Arc;

use bytes::Bytes;
use gancho_model::{Attempt, DataSubject, Delivery, DeliveryId, Event};
use gancho_store::{Page, StoreError};

use crate::{ServiceResult, Services};

/// An event about the customer, and what was sent of it.
#[derive(Clone, Debug)]
pub struct PersonalCopy {
    /// The event.
    pub event: Event,
    /// To whom it was sent, or is to be.
    pub sent: Vec<SentCopy>,
}

/// What one receiver got.
#[derive(Clone, Debug)]
pub struct SentCopy {
    /// The delivery.
    pub delivery: Delivery,
    /// The bytes.
    pub body: Bytes,
    /// The requests made, with what came back.
    pub attempts: Vec<Attempt>,
}

impl Services {
    /// Looks at the next events after a place; [`Page::next`] is where to go on, and nothing at the end.
    ///
    /// # Errors
    /// When the store refuses.
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
                    // Too old by now.
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

    /// How many events are about the customer.
    ///
    /// # Errors
    /// When the store refuses.
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
