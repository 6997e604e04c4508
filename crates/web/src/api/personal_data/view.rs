use gancho_model::Timestamp;
use gancho_service::personal_data::PersonalCopy;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::api::delivery::view::DeliveryView;

/// An event about the customer, and what was sent of it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PersonalCopyView {
    /// The event, as receivers get it.
    event: Value,
    #[schema(value_type = String, format = DateTime)]
    arrived_at: Timestamp,
    /// To whom it was sent, each with the bytes and with the attempts.
    deliveries: Vec<DeliveryView>,
}

impl PersonalCopyView {
    pub fn new(copy: PersonalCopy) -> Self {
        let sent = copy.sent.into_iter();
        Self {
            event: serde_json::from_slice(&copy.event.body).unwrap_or_default(),
            arrived_at: copy.event.arrived_at,
            deliveries: sent.map(|sent| DeliveryView::copied(&sent.delivery, sent.attempts, &sent.body)).collect(),
        }
    }
}
