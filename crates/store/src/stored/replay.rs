//! Events that a replay scans, and a webhook's rules applied to them.

use std::collections::HashMap;

use gancho_model::{Endpoint, EventType, Mismatch, ObjectKey, PlannedDelivery, SourceId, Timestamp, mismatch};

use crate::Replay;

/// Events scanned in one transaction.
pub(crate) const BATCH: i64 = 500;

/// The data of an event that a replay needs.
pub(crate) struct Candidate {
    pub n: i64,
    pub event: EventType,
    pub arrived_at: Timestamp,
    pub source: Option<SourceId>,
    pub object: Option<ObjectKey>,
    pub bytes: u64,
}

/// The results of a webhook's rules for the events of a batch, by number.
pub(crate) struct Ruled {
    /// The endpoint whose rules were evaluated; `None` if it has none.
    pub by: Option<Endpoint>,
    pub planned: HashMap<i64, PlannedDelivery>,
}

impl Replay {
    /// Whether an event matches.
    pub(crate) fn takes(&self, candidate: &Candidate) -> bool {
        candidate.arrived_at >= self.since
            && self.until.is_none_or(|until| candidate.arrived_at < until)
            && (self.types.is_empty() || self.types.iter().any(|pattern| pattern.matches(&candidate.event)))
            && self.object.as_ref().is_none_or(|object| candidate.object.as_ref() == Some(object))
    }

    /// Whether to evaluate a webhook's rules for an event.
    pub(crate) fn asks_rules(&self, endpoint: &Endpoint, candidate: &Candidate) -> bool {
        let is_of_another_type = mismatch(endpoint, &candidate.event, candidate.source) == Some(Mismatch::Type);
        self.takes(candidate) && !is_of_another_type
    }
}

impl Ruled {
    /// Whether the webhook's rules have changed since.
    pub fn is_stale(&self, endpoint: &Endpoint) -> bool {
        match &self.by {
            None => endpoint.is_tailored(),
            Some(by) => by.updated_at != endpoint.updated_at,
        }
    }

    /// Whether the rules let an event through, and its body if it is not the event's own.
    pub fn of(&self, event: i64) -> (bool, Option<&[u8]>) {
        match (&self.by, self.planned.get(&event)) {
            (None, _) => (true, None),
            (_, Some(planned)) => (planned.skipped.is_none(), planned.body.as_deref()),
            // The event arrived after the rules were evaluated.
            (Some(_), None) => (false, None),
        }
    }
}
