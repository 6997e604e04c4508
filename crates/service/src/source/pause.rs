use gancho_model::{Source, SourceId};

use crate::{ServiceResult, Services};

impl Services {
    /// Pauses a source, or lets it go on. Nothing is read from its ERP and nothing of its plugin accepted meanwhile;
    /// what happens there waits in the ERP.
    ///
    /// # Errors
    /// When there is none of this id.
    pub async fn pause_source(&self, id: SourceId, paused: bool, who: &str) -> ServiceResult<Source> {
        let source = Source { paused, ..self.store.source(id).await? };
        self.store.save_source(source.clone()).await?;
        self.apply_pause(&source).await;
        let deed = if paused { "source.paused" } else { "source.resumed" };
        self.audit.record(who, deed, &id, source.name.clone()).await;
        Ok(source)
    }

    /// What follows where a source is saved: one that is paused is left in peace at once.
    pub(super) async fn apply_pause(&self, source: &Source) {
        if source.paused {
            self.sources.end_watching(source.id).await;
        }
        self.sources.sources_changed();
    }
}
