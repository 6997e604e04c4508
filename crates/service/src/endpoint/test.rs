use std::time::Duration;

use gancho_facturascripts::{event_types, label};
use gancho_model::{
    Customer, Customers, DeliveryId, EndpointId, Event, EventId, EventType, EventView, PlannedDelivery, Priority,
    Provenance, SourceId, State, customer_of_body, render_body,
};
use gancho_store::StoreError;
use serde_json::Value;

use super::refuse_listener;
use crate::{
    ServiceResult, Services,
    event::EventData,
    input::{SampleType, input},
};

/// Interval of checking whether a test has ended.
const POLL: Duration = Duration::from_millis(20);
/// Time beyond the attempt's timeout to wait for a test.
const SLACK: Duration = Duration::from_secs(5);

input! {
    /// What to send.
    pub struct TestInput {
        /// The type of the sample, `invoice.created` if left out.
        pub event: Option<SampleType>,
        /// Its `data` instead of the sample's.
        pub data: Option<EventData>,
    }
}

impl Services {
    /// Sends a sample to an endpoint, even to a disabled one; returns the delivery and the event.
    ///
    /// # Errors
    /// If the endpoint does not exist, its template fails for the sample, or the store fails.
    pub async fn send_test(
        &self,
        id: EndpointId,
        event: EventType,
        data: Option<EventData>,
    ) -> ServiceResult<(DeliveryId, EventId)> {
        let sample = self.sample(event, data);
        let event_id = sample.id;
        let endpoint = self.store.endpoint(id).await?;
        refuse_listener(&endpoint)?;
        let (of, customers) = sample_customers(&sample);
        let body = self.own_body(&endpoint, &EventView::of(&sample.body).with_customers(Some(of), &customers))?;
        let planned = PlannedDelivery { endpoint: id, max_attempts: 1, skipped: None, body };
        let sent = self.store.send_apart(vec![(sample, planned)], Priority::Test, None).await?;
        let delivery = sent.into_iter().next().ok_or(StoreError::NotFound)?;
        Ok((delivery, event_id))
    }

    /// Waits until a test has ended, or its time limit has passed; returns whether it failed.
    pub async fn wait_for_test(&self, delivery: DeliveryId, timeout_ms: u32) -> bool {
        let limit = Duration::from_millis(u64::from(timeout_ms)) + SLACK;
        let ended = async {
            let waits = async || self.store.delivery(delivery).await.is_ok_and(|(one, _)| one.state == State::Pending);
            while waits().await {
                tokio::time::sleep(POLL).await;
            }
        };
        let _ = tokio::time::timeout(limit, ended).await;
        self.store.delivery(delivery).await.is_ok_and(|(one, _)| one.state == State::Failed)
    }

    fn sample(&self, event: EventType, given: Option<EventData>) -> Event {
        let now = self.environment.now();
        let id = EventId::new(now, &*self.environment);
        let (data, object) = match given {
            Some(given) => (given.into_map(), None),
            None => event_types::sample(&event),
        };
        let label = data.get("object").and_then(Value::as_object).and_then(label);
        let body = render_body(id, &event, now, data, &Provenance::sample());
        Event { id, sequence: 0, event, created: now, arrived_at: now, source: None, object, label, body }
    }
}

/// The sample's customer as if known, if the sample references one.
fn sample_customers(sample: &Event) -> (SourceId, Customers) {
    let of = SourceId::from_bytes([0; 16]);
    let known = |code| ((of, code), event_types::sample_of("Cliente").as_ref().map(Customer::of).unwrap_or_default());
    (of, customer_of_body(&sample.body).map(known).into_iter().collect())
}
