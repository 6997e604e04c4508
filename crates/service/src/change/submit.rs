use gancho_intake::{ChangesAnswer, RequestIdempotency};
use gancho_model::{Caller, SourceId};

use super::{ChangesInput, input::submitted};
use crate::{ServiceResult, Services};

impl Services {
    /// Accepts changes of a source's ERP. When it returns, their events are on disk.
    ///
    /// # Errors
    /// The reason; nothing was stored then.
    pub async fn submit_changes(
        &self,
        caller: Caller,
        source: SourceId,
        changes: ChangesInput,
        request: Option<RequestIdempotency>,
    ) -> ServiceResult<ChangesAnswer> {
        self.open_source(source).await?;
        let changes = changes.changes.0.into_iter().map(|sent| submitted(source, sent)).collect();
        Ok(self.intake.changes(caller, source, changes, request).await?)
    }
}
