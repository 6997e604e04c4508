use gancho_model::{Message, Source, SourceId};

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
        let source = self.open_source(source).await?;
        self.sources.hand_over(&source, payload).await.map_err(ServiceError::Unavailable)
    }

    /// A source that is not paused: else what comes of it is to come again later.
    pub(crate) async fn open_source(&self, source: SourceId) -> ServiceResult<Source> {
        let source = self.store.source(source).await?;
        if source.paused {
            return Err(ServiceError::Unavailable(Message::new("source-is-paused")));
        }
        Ok(source)
    }
}
