//! Deliveries of events.

mod bulk;
mod cancel;

mod retry;

use gancho_model::Delivery;

/// A delivery's display name: its document's number, otherwise its event's type.
fn name_of(delivery: &Delivery) -> String {
    delivery.label.clone().unwrap_or_else(|| delivery.event.to_string())
}
