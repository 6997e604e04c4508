use gancho_model::{Message, SourceId};

use crate::{ServiceError, ServiceResult, Services};

impl Services {
    /// Removes a source and its token; its events stay. With `force` even if our objects stay in the ERP's database.
    ///
    /// # Errors
    /// [`ServiceError::Refused`] if our objects can't be removed from the ERP's database; nothing is removed then.
    pub async fn remove_source(&self, id: SourceId, force: bool, who: &str) -> ServiceResult<()> {
        let source = self.store.source(id).await?;
        if source.kind.is_watched()
            && let Err(why) = self.sources.uninstall(&source).await
            && !force
        {
            return Err(ServiceError::Refused(Message::new("problem-uninstall").with("why", why)));
        }
        let removed = self.store.remove_source(id).await;
        removed.inspect_err(|_| self.sources.stays(id))?;
        self.sources.sources_changed();
        self.audit.record(who, "source.removed", &id, source.name).await;
        Ok(())
    }
}
