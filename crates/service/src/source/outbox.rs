use gancho_model::{Message, Source, SourceId};

use crate::{
    ServiceError, ServiceResult, Services,
    outbox::{OutboxPayload, OutboxReceipt},
};

impl Services {
    /// Accepts rows of the plugin's outbox as its triggers wrote them. Rows in the receipt's `taken` are on disk.
    ///
    /// # Errors
    /// The reason; nothing was taken then.
    pub async fn take_outbox(&self, source: SourceId, payload: OutboxPayload) -> ServiceResult<OutboxReceipt> {
        let source = self.open_source(source).await?;
        self.sources.hand_over(&source, payload).await.map_err(ServiceError::Unavailable)
    }

    /// A source that is not paused; otherwise the plugin must send again later.
    pub(crate) async fn open_source(&self, source: SourceId) -> ServiceResult<Source> {
        let source = self.store.source(source).await?;
        if source.paused {
            return Err(ServiceError::Unavailable(Message::new("source-is-paused")));
        }
        Ok(source)
    }
}
