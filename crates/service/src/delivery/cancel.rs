use gancho_model::{Delivery, DeliveryId};

use super::name_of;
use crate::{ServiceResult, Services};

impl Services {
    /// Cancels a pending delivery.
    ///
    /// # Errors
    /// A conflict if it is no longer pending.
    pub async fn cancel_delivery(&self, id: DeliveryId, who: &str) -> ServiceResult<Delivery> {
        let delivery = self.store.cancel(id).await?;
        self.audit.record(who, "delivery.cancelled", &id, name_of(&delivery)).await;
        Ok(delivery)
    }
}
