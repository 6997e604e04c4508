use gancho_model::EndpointId;

use super::display_name;
use crate::{ServiceResult, Services};

impl Services {
    /// Removes an endpoint. What waits for it is cancelled; the log stays.
    ///
    /// # Errors
    /// When there is none, or the store refuses.
    pub async fn remove_endpoint(&self, id: EndpointId, who: &str) -> ServiceResult<()> {
        let endpoint = self.store.endpoint(id).await?;
        self.store.remove_endpoint(id, self.environment.now()).await?;
        self.audit.record(who, "endpoint.removed", &id, display_name(&endpoint)).await;
        Ok(())
    }
}
