use gancho_model::{Delivery, DeliveryId};

use super::name_of;
use crate::{ServiceResult, Services};

impl Services {
    /// Sends a delivery again, from the beginning of its endpoint's plan; one that waits goes at once.
    ///
    /// # Errors
    /// A conflict when its endpoint was removed.
    pub async fn retry_delivery(&self, id: DeliveryId, who: &str) -> ServiceResult<Delivery> {
        let delivery = self.store.retry(id, self.environment.mono()).await?;
        self.audit.record(who, "delivery.retried", &id, name_of(&delivery)).await;
        Ok(delivery)
    }
}
