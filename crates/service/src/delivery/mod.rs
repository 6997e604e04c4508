//! Deliveries: events on their way.

mod bulk;
mod cancel;

mod retry;

use gancho_model::Delivery;

/// What people call a delivery: its document's number, else its event's type.
fn name_of(delivery: &Delivery) -> String {
    delivery.label.clone().unwrap_or_else(|| delivery.event.to_string())
}
