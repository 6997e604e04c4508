use std::collections::BTreeSet;

use gancho_facturascripts::{catalogue, columns, label};
use gancho_model::{
    CUSTOMER_MODEL, Customer, Customers, DeliveryId, Endpoint, EndpointId, Event, EventId, EventType, EventView,
    Include, Message, ObjectKey, PlannedDelivery, Priority, Provenance, Record, Refusal, Source, SourceId, SourceKind,
    customer_of_body, render_body, tailored_body,
};
use gancho_store::{EventFilter, StoreError};
use serde_json::{Map, Value};

use super::{display_name, refuse_listener};
use crate::{
    ServiceError, ServiceResult, Services,
    delivery::audit_name,
    input::{Model, RowKey, input},
    outbox::OutboxPayload,
};

input! {
    /// A record to be sent as it is now.
    pub struct SendInput {
        /// The ERP.
        pub source: SourceId,
        /// The ERP's model, or a table's name.
        pub model: Model,
        /// The primary key, a text or a number.
        pub key: RowKey,
    }
}

impl Services {
    /// Sends a current record to one endpoint, as an event `noun.snapshot` outside the feed: regardless of the
    /// endpoint's subscriptions, with its template. It does not delay live deliveries, and its failures don't affect
    /// the endpoint's health.
    ///
    /// # Errors
    /// If the endpoint, source or record does not exist, the endpoint is disabled, or the ERP does not respond.
    pub async fn send_record(
        &self,
        id: EndpointId,
        input: SendInput,
        who: &str,
    ) -> ServiceResult<(DeliveryId, EventId)> {
        let endpoint = self.sendable(id).await?;
        let source = self.store.source(input.source).await.map_err(ServiceError::from);
        let source = source.map_err(|error| error.if_missing("source", "error-source-id"))?;
        let (class, noun) = noun_of(&input.model.0)?;
        let object = ObjectKey { model: class, key: input.key.0 };
        let record = self.record_as_it_is(&source, &object).await?;
        let record = record.ok_or(ServiceError::Missing("record"))?;
        let event = self.snapshot(noun, object, record, &source)?;
        let customers = self.known_customers(&endpoint, &source, std::slice::from_ref(&event)).await?;
        self.send_snapshot(&endpoint, event, &customers, who).await
    }

    /// The same for a record that the ERP's plugin sends.
    ///
    /// # Errors
    /// If the endpoint or record does not exist, or the endpoint is disabled.
    pub async fn send_shown(
        &self,
        source: SourceId,
        endpoint: EndpointId,
        shown: OutboxPayload,
    ) -> ServiceResult<(DeliveryId, EventId)> {
        let endpoint = self.sendable(endpoint).await?;
        let source = self.store.source(source).await?;
        let shown = self.sources.shown(&source, shown).map_err(ServiceError::Unavailable)?;
        let shown = shown.ok_or(ServiceError::Missing("record"))?;
        let (_, noun) = noun_of(&shown.object.model)?;
        let event = self.snapshot(noun, shown.object, shown.record, &source)?;
        let customer = |(code, record): (String, Record)| ((source.id, code), Customer::of(&record));
        let customers = shown.customers.into_iter().map(customer).collect();
        self.send_snapshot(&endpoint, event, &customers, &source.name).await
    }

    /// An endpoint that can be sent to now.
    pub(crate) async fn sendable(&self, id: EndpointId) -> ServiceResult<Endpoint> {
        let endpoint = self.store.endpoint(id).await?;
        refuse_listener(&endpoint)?;
        if endpoint.enabled {
            Ok(endpoint)
        } else {
            Err(StoreError::Conflict(Message::new("conflict-disabled")).into())
        }
    }

    async fn send_snapshot(
        &self,
        endpoint: &Endpoint,
        event: Event,
        customers: &Customers,
        who: &str,
    ) -> ServiceResult<(DeliveryId, EventId)> {
        let planned = self.planned(endpoint, &event, customers)?;
        let (event_id, name) = (event.id, audit_name(&event.event, event.label.as_deref()));
        let sent = self.store.send_apart(vec![(event, planned)], Priority::Replay, None).await?;
        let delivery = sent.into_iter().next().ok_or(StoreError::NotFound)?;
        let about = format!("{name} → {}", display_name(endpoint));
        self.audit.record(who, "endpoint.sent", &endpoint.id, about).await;
        Ok((delivery, event_id))
    }

    /// The delivery of a snapshot to an endpoint, with included data and its template, without its other rules.
    pub(crate) fn planned(
        &self,
        endpoint: &Endpoint,
        event: &Event,
        customers: &Customers,
    ) -> ServiceResult<PlannedDelivery> {
        let view = EventView::of(&event.body).with_customers(event.source, customers);
        let body = self.own_body(endpoint, &view)?;
        Ok(PlannedDelivery { endpoint: endpoint.id, max_attempts: endpoint.retry.attempts(), skipped: None, body })
    }

    /// The endpoint's own body, if it does not get the usual one.
    pub(super) fn own_body(&self, endpoint: &Endpoint, view: &EventView<'_>) -> ServiceResult<Option<bytes::Bytes>> {
        let wrong = |refusal: Refusal| Message::new("conflict-template").with("why", refusal.why.unwrap_or_default());
        let body = tailored_body(endpoint, view, self.limits.event_bytes);
        body.map_err(|refusal| ServiceError::Conflict(wrong(refusal)))
    }

    /// The customers of records, if the endpoint includes them; unknown ones are read from the ERP.
    pub(crate) async fn known_customers(
        &self,
        endpoint: &Endpoint,
        source: &Source,
        events: &[Event],
    ) -> ServiceResult<Customers> {
        let mut customers = self.customers_of(endpoint, events).await?;
        if !endpoint.include.contains(&Include::Customer) || source.kind == SourceKind::Plugin {
            return Ok(customers);
        }
        let codes: BTreeSet<String> = events.iter().filter_map(|event| customer_of_body(&event.body)).collect();
        for code in codes {
            let name = (source.id, code);
            if customers.contains_key(&name) {
                continue;
            }
            // A record is sent even without its customer.
            if let Ok(Some(record)) = self.sources.record(source, CUSTOMER_MODEL, &name.1).await {
                customers.insert(name, Customer::of(&record));
            }
        }
        Ok(customers)
    }

    /// The known customers of events, if the endpoint includes them.
    pub(crate) async fn customers_of(&self, endpoint: &Endpoint, events: &[Event]) -> ServiceResult<Customers> {
        if !endpoint.include.contains(&Include::Customer) {
            return Ok(Customers::new());
        }
        let wanted = events.iter().filter_map(|event| event.source.zip(customer_of_body(&event.body)));
        Ok(self.store.customers(wanted.collect()).await?)
    }

    /// The current record. With a plugin the ERP can't be read: use the last event's record.
    async fn record_as_it_is(&self, source: &Source, object: &ObjectKey) -> ServiceResult<Option<Record>> {
        if source.kind != SourceKind::Plugin {
            let asked = self.sources.record(source, &object.model, &object.key).await;
            return asked.map_err(ServiceError::Unavailable);
        }
        let (sources, object) = (vec![source.id], Some(object.clone()));
        let filter = EventFilter { sources, object, ..EventFilter::default() };
        let last = self.store.recent(None, filter, 1).await?.items.pop();
        let last = last.filter(|event| !event.event.as_str().ends_with(".deleted"));
        let body = last.and_then(|event| serde_json::from_slice::<Value>(&event.body).ok());
        Ok(body.and_then(|mut body| match body["data"]["object"].take() {
            Value::Object(record) => Some(record),
            _ => None,
        }))
    }

    /// An event `noun.snapshot` of a record, outside the feed.
    pub(crate) fn snapshot(
        &self,
        noun: &str,
        object: ObjectKey,
        record: Record,
        source: &Source,
    ) -> ServiceResult<Event> {
        let now = self.environment.now();
        let event = EventType::parse(&format!("{noun}.snapshot"))
            .map_err(|_| ServiceError::field("model", Message::new("error-model-unknown")))?;
        let (id, label) = (EventId::new(now, &*self.environment), label(&record));
        let data = Map::from_iter([("object".to_owned(), Value::Object(record))]);
        let from = Provenance { source: Some(source.id), ..Provenance::default() };
        let body = render_body(id, &event, now, data, &from);
        if body.len() > self.limits.event_bytes {
            return Err(StoreError::Conflict(Message::new("conflict-large")).into());
        }
        let (created, arrived_at, object) = (now, now, Some(object));
        Ok(Event { id, sequence: 0, event, created, arrived_at, source: Some(source.id), object, label, body })
    }
}

/// The class of a model, given by class or table, and the noun of its events.
pub(crate) fn noun_of(model: &str) -> ServiceResult<(String, &'static str)> {
    let class = columns::find(model).map_or(model, |table| table.model);
    let noun = catalogue::find(class).map(|model| model.noun).filter(|noun| !noun.is_empty());
    let noun = noun.ok_or_else(|| ServiceError::field("model", Message::new("error-model-unknown")))?;
    Ok((class.to_owned(), noun))
}
