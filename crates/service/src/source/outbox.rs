use gancho_model::SourceId;

use crate::{
    ServiceError, ServiceResult, Services,
    outbox::{OutboxPayload, OutboxReceipt},
};

impl Services {
    /// Takes rows of the plugin's outbox in, as its triggers wrote them. What the receipt names is on disk.
    ///
    /// # Errors
    /// What stands in the way; nothing was taken then.
    pub async fn take_outbox(&self, source: SourceId, payload: OutboxPayload) -> ServiceResult<OutboxReceipt> {
        let source = self.store.source(source).await?;
        self.sources.hand_over(&source, payload).await.map_err(ServiceError::Unavailable)
    }
}
