//! What a replay looks at, and what a webhook's rules say of it.

use std::collections::HashMap;

use gancho_model::{Endpoint, EventType, Mismatch, ObjectKey, PlannedDelivery, SourceId, Timestamp, mismatch};

use crate::Replay;

/// Events looked at in one transaction.
pub(crate) const BATCH: i64 = 500;

/// An event as far as a replay needs it.
pub(crate) struct Candidate {
    pub n: i64,
    pub event: EventType,
    pub arrived_at: Timestamp,
    pub source: Option<SourceId>,
    pub object: Option<ObjectKey>,
    pub bytes: u64,
}

/// What the rules of a webhook say of the events of a batch, by their numbers.
pub(crate) struct Ruled {
    /// The endpoint whose rules were evaluated; none where it has no rules.
    pub by: Option<Endpoint>,
    pub planned: HashMap<i64, PlannedDelivery>,
}

impl Replay {
    /// Whether an event is asked for.
    pub(crate) fn takes(&self, candidate: &Candidate) -> bool {
        candidate.arrived_at >= self.since
            && self.until.is_none_or(|until| candidate.arrived_at < until)
            && (self.types.is_empty() || self.types.iter().any(|pattern| pattern.matches(&candidate.event)))
            && self.object.as_ref().is_none_or(|object| candidate.object.as_ref() == Some(object))
    }

    /// Whether a webhook's rules are to be asked about an event.
    pub(crate) fn asks_rules(&self, endpoint: &Endpoint, candidate: &Candidate) -> bool {
        let is_of_another_type = mismatch(endpoint, &candidate.event, candidate.source) == Some(Mismatch::Type);
        self.takes(candidate) && !is_of_another_type
    }
}

impl Ruled {
    /// Whether the webhook has other rules by now.
    pub fn is_stale(&self, endpoint: &Endpoint) -> bool {
        match &self.by {
            None => endpoint.is_tailored(),
            Some(by) => by.updated_at != endpoint.updated_at,
        }
    }

    /// Whether they let an event through, and the body that it gets, where it is not its own.
    pub fn of(&self, event: i64) -> (bool, Option<&[u8]>) {
        match (&self.by, self.planned.get(&event)) {
            (None, _) => (true, None),
            (_, Some(planned)) => (planned.skipped.is_none(), planned.body.as_deref()),
            // It came after they were asked.
            (Some(_), None) => (false, None),
        }
    }
}
