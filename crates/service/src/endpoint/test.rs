use std::time::Duration;

use gancho_facturascripts::{event_types, label};
use gancho_model::{
    DeliveryId, EndpointId, Event, EventId, EventType, Message, Provenance, State, TemplateError, render_body,
};
use serde_json::Value;

use super::refuse_listener;
use crate::{
    ServiceError, ServiceResult, Services,
    input::{SampleType, input},
};

/// How often it is looked whether a test has ended.
const POLL: Duration = Duration::from_millis(20);
/// How much longer than an attempt a test may take.
const SLACK: Duration = Duration::from_secs(5);

input! {
    /// What to send.
    pub struct TestInput {
        /// The type of the sample, `invoice.created` if left out.
        pub event: Option<SampleType>,
    }
}

impl Services {
    /// Sends a sample to an endpoint, even to a disabled one; returns the delivery and the event.
    ///
    /// # Errors
    /// When there is no such endpoint, its template makes nothing of the sample, or the store refuses.
    pub async fn send_test(&self, id: EndpointId, event: EventType) -> ServiceResult<(DeliveryId, EventId)> {
        let sample = self.sample(event);
        let event_id = sample.id;
        let endpoint = self.store.endpoint(id).await?;
        refuse_listener(&endpoint)?;
        let body = match &endpoint.template {
            None => None,
            Some(template) => {
                let view = serde_json::from_slice(&sample.body).unwrap_or_default();
                let made = template.render(&view, self.limits.event_bytes);
                let wrong = |error: TemplateError| Message::new("conflict-template").with("why", error.0);
                Some(made.map_err(|error| ServiceError::Conflict(wrong(error)))?)
            }
        };
        Ok((self.store.send_test(id, sample, body).await?, event_id))
    }

    /// Waits for a test's end. Ended or not, what is known by then is the answer.
    pub async fn wait_for_test(&self, delivery: DeliveryId, timeout_ms: u32) {
        let limit = Duration::from_millis(u64::from(timeout_ms)) + SLACK;
        let ended = async {
            let waits = async || self.store.delivery(delivery).await.is_ok_and(|(one, _)| one.state == State::Pending);
            while waits().await {
                tokio::time::sleep(POLL).await;
            }
        };
        let _ = tokio::time::timeout(limit, ended).await;
    }

    fn sample(&self, event: EventType) -> Event {
        let now = self.environment.now();
        let id = EventId::new(now, &*self.environment);
        let (data, object) = event_types::sample(&event);
        let label = data.get("object").and_then(Value::as_object).and_then(label);
        let body = render_body(id, &event, now, data, &Provenance::sample());
        Event { id, sequence: 0, event, created: now, arrived_at: now, source: None, object, label, body }
    }
}
