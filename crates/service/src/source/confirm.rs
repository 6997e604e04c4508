use gancho_model::{Source, SourceId};

use crate::{ServiceError, ServiceResult, Services};

impl Services {
    /// A user confirms that a source's address is its own ERP, although it looks like a copy.
    ///
    /// # Errors
    /// A conflict if the source has no question, or can't be reached.
    pub async fn confirm_source(&self, id: SourceId, who: &str) -> ServiceResult<Source> {
        let source = self.store.source(id).await?;
        self.sources.confirm(&source).await.map_err(ServiceError::Conflict)?;
        self.audit.record(who, "source.confirmed", &id, source.name.clone()).await;
        Ok(source)
    }
}
