use gancho_model::{Consumer, EndpointId};
use gancho_store::StoreError;

use super::display_name;
use crate::{ServiceResult, Services};

impl Services {
    /// Removes an endpoint. Its pending deliveries are cancelled; the log stays.
    ///
    /// # Errors
    /// If it does not exist, or the store fails.
    pub async fn remove_endpoint(&self, id: EndpointId, who: &str) -> ServiceResult<()> {
        let endpoint = self.store.endpoint(id).await?;
        self.store.remove_endpoint(id, self.environment.now()).await?;
        if endpoint.is_listener() {
            match self.store.remove_consumer(&Consumer::name_of_listener(id)).await {
                Ok(()) | Err(StoreError::NotFound) => (),
                Err(error) => return Err(error.into()),
            }
        }
        self.audit.record(who, "endpoint.removed", &id, display_name(&endpoint)).await;
        Ok(())
    }
}
