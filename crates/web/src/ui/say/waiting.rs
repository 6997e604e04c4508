use gancho_model::{Delivery, Moment, WaitingFor};
use gancho_words::Words;

/// What a delivery that waits is waiting for, and until when; empty for one that does not.
pub(crate) fn waiting(words: &Words, delivery: &Delivery, now: Moment) -> String {
    let Some(reason) = delivery.waiting_for else { return String::new() };
    let when = match delivery.next_attempt_at {
        Some(at) if at > now.wall => words.ago(at, now.wall),
        _ => words.get("time-now"),
    };
    let id = match reason {
        WaitingFor::Attempt => "waiting-attempt",
        WaitingFor::EndpointFailing => "waiting-endpoint-failing",
        WaitingFor::EndpointPaused => "waiting-endpoint-paused",
        WaitingFor::EndpointDisabled => "waiting-endpoint-disabled",
        WaitingFor::Rate => "waiting-rate",
        WaitingFor::Slot => "waiting-slot",
        WaitingFor::Order => "waiting-order",
    };
    words.with(id, &[("when", when.into())])
}
