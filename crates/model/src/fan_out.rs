//! Selects the endpoints that get an event: used for new events, Gancho's own events, replays, and to explain why an
//! event was not sent.

use bytes::Bytes;

use crate::{Customers, Endpoint, EndpointId, Event, EventType, EventView, Reason, SourceId, tailor};

/// A planned delivery of a new event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedDelivery {
    /// Its endpoint.
    pub endpoint: EndpointId,
    /// Maximum attempts.
    pub max_attempts: u32,
    /// Recorded but never sent, for this reason.
    pub skipped: Option<Reason>,
    /// Its body, if it is not the event's own.
    pub body: Option<Bytes>,
}

impl PlannedDelivery {
    /// Plans the delivery to a matching endpoint by its rules.
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
    /// It does not subscribe to the type.
    Type,
    /// It does not include the source.
    Source,
    /// It is disabled and gets no new events.
    Disabled,
}

/// Plans an event's deliveries: one for each matching endpoint, skipped if its rules exclude the event, or if the event
/// is larger than `bytes_max`. `customers` are the known customers that it may be about.
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

/// Why this endpoint gets no delivery of such an event; `None` if it gets one.
pub fn mismatch(endpoint: &Endpoint, event: &EventType, source: Option<SourceId>) -> Option<Mismatch> {
    let is_from_here = endpoint.sources.is_empty() || source.is_some_and(|source| endpoint.sources.contains(&source));
    if !endpoint.events.iter().any(|pattern| pattern.matches(event)) {
        return Some(Mismatch::Type);
    }
    // Gancho's own events have no source.
    if !is_from_here && !event.is_own() {
        return Some(Mismatch::Source);
    }
    (!endpoint.enabled).then_some(Mismatch::Disabled)
}

/// Whether a delivery may be sent without waiting in the store: its endpoint is enabled, not paused and not failing.
pub fn may_go_at_once(endpoint: &Endpoint) -> bool {
    endpoint.is_open() && !endpoint.health.is_failing()
}
