use std::{sync::Arc, time::Duration};

use gancho_model::{EndpointId, Message, ObjectKey, Pattern, ReplayScope, Timestamp};
use gancho_store::{NewJob, Replay};

use super::{display_name, refuse_listener};
use crate::{
    ServiceResult, Services,
    audit::count_details,
    input::{Fields, List, input},
    job::Work,
};

input! {
    /// What to send again.
    pub struct ReplayInput {
        /// Events that arrived at this time or later.
        pub since: Timestamp,
        /// And before this time, which is after the first; now if left out.
        pub until: Option<Timestamp>,
        /// Types and patterns; all if left out.
        pub events: Option<List<Pattern, 1, 100>>,
        /// About this record, as `Model:key`.
        pub object: Option<ObjectKey>,
        /// `failed`, `missed` (would have been sent, had the endpoint been enabled and had it the rules of today) or `all`; `failed` if left out.
        pub only: Option<ReplayScope>,
        /// Only count.
        pub dry_run: Option<bool>,
    }
    check ends_after_it_begins;
}

fn ends_after_it_begins(fields: &mut Fields<'_, '_>) {
    let time = |field| fields.get(field).and_then(|value| value.as_str()).and_then(Timestamp::parse);
    if time("since").zip(time("until")).is_some_and(|(since, until)| until <= since) {
        fields.wrong("until", Message::new("error-until"));
    }
}

/// Delay before a batch is repeated.
const AGAIN: Duration = Duration::from_millis(100);

impl Services {
    /// The replay for an endpoint.
    pub fn planned_replay(&self, endpoint: EndpointId, input: ReplayInput) -> Replay {
        Replay {
            endpoint,
            since: input.since,
            // Events that arrive meanwhile are delivered anyway.
            until: Some(input.until.unwrap_or_else(|| self.environment.now())),
            types: input.events.map(|events| events.0).unwrap_or_default(),
            object: input.object,
            only: input.only.unwrap_or(ReplayScope::Failed),
            dry_run: input.dry_run.unwrap_or(false),
            bytes_max: self.limits.event_bytes as u64,
            job: None,
        }
    }

    /// Number of events that would be resent.
    ///
    /// # Errors
    /// If the endpoint does not exist, or the store fails.
    pub async fn count_replay(&self, replay: &Replay) -> ServiceResult<u64> {
        refuse_listener(&self.store.endpoint(replay.endpoint).await?)?;
        self.replay_batches(&Replay { dry_run: true, ..replay.clone() }).await
    }

    /// Resends events with their ids; returns how many. It continues if the caller stops waiting.
    ///
    /// # Errors
    /// If the endpoint does not exist, or the store fails.
    pub async fn replay(self: &Arc<Self>, replay: Replay, who: String) -> ServiceResult<u64> {
        let total = self.count_replay(&replay).await?;
        self.begin_replay(replay, total, who).await?.ended().await
    }

    /// The same without waiting; `total` is the number counted before.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn start_replay(self: &Arc<Self>, replay: Replay, total: u64, who: String) -> ServiceResult<()> {
        self.begin_replay(replay, total, who).await.map(drop)
    }

    async fn begin_replay(self: &Arc<Self>, replay: Replay, total: u64, who: String) -> ServiceResult<Work<u64>> {
        let begun = NewJob { about: replay.endpoint.to_string(), total, resume: None };
        let services = self.clone();
        let work = move |job| async move {
            let count = services.replay_batches(&Replay { job: Some(job), dry_run: false, ..replay.clone() }).await?;
            services.record_replay(replay.endpoint, count, &who).await;
            Ok(count)
        };
        self.run_job(begun, work).await
    }

    async fn replay_batches(&self, replay: &Replay) -> ServiceResult<u64> {
        let (mut count, mut after, now) = (0, None, self.environment.moment());
        loop {
            let replayed = self.store.replay(replay.clone(), after, now).await?;
            count += replayed.count;
            let has_waited = replayed.next.is_some() && replayed.next == after;
            after = replayed.next;
            if after.is_none() {
                return Ok(count);
            }
            if has_waited {
                // Another node replays to this endpoint at the moment.
                tokio::time::sleep(AGAIN).await;
            }
        }
    }

    async fn record_replay(&self, id: EndpointId, count: u64, who: &str) {
        let name = self.store.endpoint(id).await.map(|endpoint| display_name(&endpoint)).unwrap_or_default();
        self.audit.record_details(who, "endpoint.replayed", &id, name, count_details(count)).await;
    }
}
