use gancho_intake::RequestIdempotency;
use gancho_model::{Caller, EventId};

use super::EventInput;
use crate::{ServiceResult, Services, input::Sent};

impl Services {
    /// Takes events in, and returns their ids in order: for repeats those of the first time. When it returns, they are
    /// on disk.
    ///
    /// # Errors
    /// What is wrong; nothing was kept then.
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
