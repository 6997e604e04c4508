use gancho_model::{Delivery, DeliveryId};

use super::name_of;
use crate::{ServiceResult, Services, endpoint::refuse_listener};

impl Services {
    /// Resends a delivery, from the beginning of its endpoint's retry plan; a pending one is sent at once.
    ///
    /// # Errors
    /// A conflict if its endpoint was removed or is a listener's.
    pub async fn retry_delivery(&self, id: DeliveryId, who: &str) -> ServiceResult<Delivery> {
        let (known, _) = self.store.delivery(id).await?;
        if let Ok(endpoint) = self.store.endpoint(known.endpoint_id).await {
            refuse_listener(&endpoint)?;
        }
        let delivery = self.store.retry(id, self.environment.mono()).await?;
        self.audit.record(who, "delivery.retried", &id, name_of(&delivery)).await;
        Ok(delivery)
    }
}
