use gancho_model::{Consumer, DeliveryId, EndpointId};
use gancho_store::StoreError;

use super::ForwardedInput;
use crate::{ServiceError, ServiceResult, Services};

impl Services {
    /// The position of a listener.
    ///
    /// # Errors
    /// If the listener does not exist.
    pub async fn listener(&self, id: EndpointId) -> ServiceResult<Consumer> {
        self.store.endpoint(id).await?;
        Ok(self.store.consumer(&Consumer::name_of_listener(id)).await?)
    }

    /// Records the result of a forwarded event, then moves the listener's position: after a failure in between the
    /// event is forwarded again.
    ///
    /// # Errors
    /// If the listener or event does not exist.
    pub async fn report_forwarded(&self, id: EndpointId, input: ForwardedInput) -> ServiceResult<DeliveryId> {
        if !self.store.endpoint(id).await?.is_listener() {
            return Err(StoreError::NotFound.into());
        }
        let (event, sequence) = (input.event_id, input.sequence.0.unsigned_abs());
        let delivery = self.store.record_forwarded(id, event, input.into()).await.map_err(|error| match error {
            // The listener exists: it was read just now.
            StoreError::NotFound => ServiceError::Missing("event"),
            other => other.into(),
        })?;
        self.store.acknowledge(&Consumer::name_of_listener(id), sequence, self.environment.now()).await?;
        Ok(delivery)
    }
}
