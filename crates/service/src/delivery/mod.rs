//! Deliveries of events.

mod bulk;
mod cancel;

mod retry;

use gancho_facturascripts::catalogue::{Kind, MODELS, Model};
use gancho_model::{Delivery, EventType};

/// A delivery's name in the history.
fn name_of(delivery: &Delivery) -> String {
    audit_name(&delivery.event, delivery.label.as_deref())
}

/// An event's name in the history: its document's number, otherwise its type. A customer's name would stay there when
/// the customer's data are erased.
pub(crate) fn audit_name(event: &EventType, label: Option<&str>) -> String {
    let noun = event.as_str().split('.').next().unwrap_or_default();
    let is_document = |model: &Model| matches!(model.kind, Kind::Document { .. } | Kind::Receipt);
    match label {
        Some(label) if MODELS.iter().any(|model| model.noun == noun && is_document(model)) => label.to_owned(),
        _ => event.to_string(),
    }
}
