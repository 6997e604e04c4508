use gancho_model::{Source, SourceId};

use super::SourcePatch;
use crate::{ServiceResult, Services, input::Patch};

impl Services {
    /// Pauses or resumes a source. Meanwhile nothing is read from its ERP or accepted from its plugin; changes wait in
    /// the ERP.
    ///
    /// # Errors
    /// If the source does not exist.
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
