use gancho_model::{Source, SourceId};

use super::SourcePatch;
use crate::{ServiceResult, Services, input::Patch};

impl Services {
    /// Pauses a source, or lets it go on. Nothing is read from its ERP and nothing of its plugin accepted meanwhile;
    /// what happens there waits in the ERP.
    ///
    /// # Errors
    /// When there is none of this id.
    pub async fn pause_source(&self, id: SourceId, paused: bool, who: &str) -> ServiceResult<Source> {
        let patch = SourcePatch {
            name: None,
            url: Patch::Keep,
            key: Patch::Keep,
            time_zone: None,
            paused: Some(paused),
            models: Patch::Keep,
        };
        Ok(self.update_source(id, patch, who).await?.0)
    }
}
