//! Who gets an event. One function for what comes in, for Gancho's own events, for replays, and for "why was nothing
//! sent?".

use bytes::Bytes;

use crate::{Customers, Endpoint, EndpointId, Event, EventType, EventView, Reason, SourceId, tailor};

/// A delivery of an event that comes in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedDelivery {
    /// For whom.
    pub endpoint: EndpointId,
    /// Attempts that it may have.
    pub max_attempts: u32,
    /// Kept to be seen, and never sent, for this reason.
    pub skipped: Option<Reason>,
    /// What is sent, where it is not the event's own body.
    pub body: Option<Bytes>,
}

impl PlannedDelivery {
    /// Of an event that an endpoint matches, by its rules.
    pub fn new(endpoint: &Endpoint, event: &EventView<'_>, bytes_max: usize) -> Self {
        let tailored = if endpoint.is_tailored() { tailor(endpoint, event, bytes_max) } else { Ok(None) };
        Self {
            endpoint: endpoint.id,
            max_attempts: endpoint.retry.attempts(),
            skipped: tailored.as_ref().err().map(|refusal| refusal.reason),
            body: tailored.ok().flatten(),
        }
    }
}

/// Why an endpoint gets no delivery of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mismatch {
    /// It asks for other types.
    Type,
    /// It asks for other sources only.
    Source,
    /// It is disabled, and collects nothing.
    Disabled,
}

/// Plans an event's deliveries: one for each endpoint that matches, skipped where its rules say so, or where the event is
/// larger than `bytes_max`, the limit of what is sent. `customers` is what is known of those that it may be about.
pub fn plan<'a>(
    event: &Event,
    bytes_max: usize,
    endpoints: impl IntoIterator<Item = &'a Endpoint>,
    customers: &Customers,
) -> Vec<PlannedDelivery> {
    let is_too_large = event.body.len() > bytes_max;
    let view = EventView::of(&event.body).with_customers(event.source, customers);
    let planned = |endpoint: &Endpoint| match is_too_large {
        true => PlannedDelivery {
            endpoint: endpoint.id,
            max_attempts: endpoint.retry.attempts(),
            skipped: Some(Reason::TooLarge),
            body: None,
        },
        false => PlannedDelivery::new(endpoint, &view, bytes_max),
    };
    endpoints
        .into_iter()
        .filter(|endpoint| mismatch(endpoint, &event.event, event.source).is_none())
        .map(planned)
        .collect()
}

/// Why this endpoint gets no delivery of such an event; nothing if it gets one.
pub fn mismatch(endpoint: &Endpoint, event: &EventType, source: Option<SourceId>) -> Option<Mismatch> {
    let is_from_here = endpoint.sources.is_empty() || source.is_some_and(|source| endpoint.sources.contains(&source));
    if !endpoint.events.iter().any(|pattern| pattern.matches(event)) {
        return Some(Mismatch::Type);
    }
    // Gancho's own events come from no source.
    if !is_from_here && !event.is_own() {
        return Some(Mismatch::Source);
    }
    (!endpoint.enabled).then_some(Mismatch::Disabled)
}

/// Whether a delivery may be sent at once, without waiting in the store: nothing holds its endpoint up.
pub fn may_go_at_once(endpoint: &Endpoint) -> bool {
    endpoint.is_open() && !endpoint.health.is_failing()
}
