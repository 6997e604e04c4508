//! Which deliveries a bulk action applies to.

use gancho_model::{Delivery, State, may_resend};

use crate::{Bulk, BulkAct, DeliveryFilter};

/// Deliveries changed in one transaction.
pub(crate) const BATCH: usize = 500;

impl Bulk {
    /// The filter of the deliveries to scan.
    pub(crate) fn looked_through(&self) -> DeliveryFilter {
        let usual = match self.act {
            BulkAct::Cancel => Some(State::Pending),
            BulkAct::Resend if self.filter.ids.is_empty() => Some(State::Failed),
            BulkAct::Resend => None,
        };
        DeliveryFilter { state: self.filter.state.or(usual), ..self.filter.clone() }
    }

    /// Whether the action applies to a delivery.
    pub(crate) fn fits(&self, delivery: &Delivery) -> bool {
        match self.act {
            BulkAct::Resend => may_resend(delivery.state, delivery.lane, !self.filter.ids.is_empty()),
            BulkAct::Cancel => delivery.state == State::Pending,
        }
    }
}
