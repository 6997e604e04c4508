use gancho_intake::RequestIdempotency;
use gancho_model::{Caller, EventId};

use super::EventInput;
use crate::{ServiceResult, Services, input::Sent};

impl Services {
    /// Accepts events and returns their ids in order: for repeats the original ids. When it returns, they are on disk.
    ///
    /// # Errors
    /// The reason; nothing was stored then.
    pub async fn submit_events(
        &self,
        caller: Caller,
        events: Vec<Sent<EventInput>>,
        request: Option<RequestIdempotency>,
    ) -> ServiceResult<Vec<EventId>> {
        let events = events.into_iter().map(Into::into).collect();
        Ok(self.intake.events(caller, events, request).await?)
    }
}
