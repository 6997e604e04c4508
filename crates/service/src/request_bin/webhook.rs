use gancho_model::{BinId, Endpoint};
use serde_json::json;

use crate::{ServiceError, ServiceResult, Services, endpoint::NewEndpoint, input};

impl Services {
    /// Creates a webhook that sends all events to a bin, at this address.
    ///
    /// # Errors
    /// If the bin does not exist, or its address can't be called.
    pub async fn webhook_of_bin(&self, id: BinId, url: &str, who: &str) -> ServiceResult<Endpoint> {
        self.store.bin(id, self.environment.now()).await?;
        let name: String = id.to_string().chars().rev().take(6).collect::<Vec<_>>().into_iter().rev().collect();
        let new = json!({"url": url, "events": ["*"], "name": format!("Bin {name}")});
        let new: NewEndpoint = input::read(new, self.rules()).map_err(ServiceError::Fields)?;
        self.create_endpoint(new, who).await
    }
}
