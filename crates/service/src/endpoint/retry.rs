use gancho_model::EndpointId;

use super::display_name;
use crate::{ServiceResult, Services};

impl Services {
    /// Retries an endpoint after its receiver was repaired: a failing one is probed now, a healthy one's waiting
    /// retries become due. Returns the number of pending deliveries.
    ///
    /// # Errors
    /// A conflict while it is paused or disabled.
    pub async fn retry_endpoint(&self, id: EndpointId, who: &str) -> ServiceResult<u64> {
        let endpoint = self.store.endpoint(id).await?;
        let pending = self.store.retry_endpoint(id).await?;
        self.audit.record(who, "endpoint.retried", &id, display_name(&endpoint)).await;
        Ok(pending)
    }
}
