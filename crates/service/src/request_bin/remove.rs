use gancho_model::BinId;

use crate::{ServiceResult, Services};

impl Services {
    /// Removes a bin with its requests.
    ///
    /// # Errors
    /// If the bin does not exist.
    pub async fn remove_bin(&self, id: BinId, who: &str) -> ServiceResult<()> {
        self.store.remove_bin(id).await?;
        self.audit.record(who, "bin.removed", &id, String::new()).await;
        Ok(())
    }
}
