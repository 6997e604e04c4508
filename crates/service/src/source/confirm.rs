use gancho_model::{Source, SourceId};

use crate::{ServiceError, ServiceResult, Services};

impl Services {
    /// A person says that a source's address leads to its own ERP, though it looks like a copy of it.
    ///
    /// # Errors
    /// A conflict when the source asks nothing, or can't be reached.
    pub async fn confirm_source(&self, id: SourceId, who: &str) -> ServiceResult<Source> {
        let source = self.store.source(id).await?;
        self.sources.confirm(&source).await.map_err(ServiceError::Conflict)?;
        self.audit.record(who, "source.confirmed", &id, source.name.clone()).await;
        Ok(source)
    }
}
