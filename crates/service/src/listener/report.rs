use gancho_model::{Consumer, DeliveryId, EndpointId};
use gancho_store::StoreError;

use super::ForwardedInput;
use crate::{ServiceError, ServiceResult, Services};

impl Services {
    /// The position of a listener: what it has forwarded.
    ///
    /// # Errors
    /// When there is no such listener.
    pub async fn listener(&self, id: EndpointId) -> ServiceResult<Consumer> {
        self.store.endpoint(id).await?;
        Ok(self.store.consumer(&Consumer::name_of_listener(id)).await?)
    }

    /// Records what became of an event that a listener forwarded, then moves its position: what was cut in between is
    /// forwarded again.
    ///
    /// # Errors
    /// When there is no such listener or event.
    pub async fn report_forwarded(&self, id: EndpointId, input: ForwardedInput) -> ServiceResult<DeliveryId> {
        if !self.store.endpoint(id).await?.is_listener() {
            return Err(StoreError::NotFound.into());
        }
        let (event, sequence) = (input.event_id, input.sequence.0.unsigned_abs());
        let delivery = self.store.record_forwarded(id, event, input.into()).await.map_err(|error| match error {
            // The listener is there: it was seen just now.
            StoreError::NotFound => ServiceError::Missing("event"),
            other => other.into(),
        })?;
        self.store.acknowledge(&Consumer::name_of_listener(id), sequence, self.environment.now()).await?;
        Ok(delivery)
    }
}
