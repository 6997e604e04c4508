use gancho_facturascripts::label;
use gancho_model::{Caller, Event, EventId, EventType, Origin, Provenance, SourceId, Timestamp, render_body};
use gancho_store::{IdempotencyKey, IdempotencyKind, ProcessedRow, StoredResponse, Submission};
use serde_json::{Map, Value};

use crate::{
    Intake, IntakeError, RequestIdempotency,
    changes::own_caller,
    idempotency::{self, Before, Digest, Named, RACES_MAX, Sorted},
};

/// An event sent by a program.
#[derive(Clone, Debug, PartialEq)]
pub struct SubmittedEvent {
    /// The program's id for it.
    pub id: Option<String>,
    /// The type.
    pub event: EventType,
    /// `data`, with `object`.
    pub data: Map<String, Value>,
    /// When it happened; by default its arrival.
    pub created: Option<Timestamp>,
    /// Who caused it, if given.
    pub origin: Option<Origin>,
    /// A digest of the sent event; needed if it has an id.
    pub digest: Digest,
}

impl Named for SubmittedEvent {
    fn name(&self) -> Option<&str> {
        self.id.as_deref()
    }
    fn digest(&self) -> Digest {
        self.digest
    }
}

impl Intake {
    /// Accepts events and returns their ids in order: for repeats the original ids. When it returns, they are on disk.
    ///
    /// # Errors
    /// [`IntakeError`]; nothing was stored then.
    pub async fn events(
        &self,
        caller: Caller,
        submitted: Vec<SubmittedEvent>,
        request: Option<RequestIdempotency>,
    ) -> Result<Vec<EventId>, IntakeError> {
        for _ in 0..RACES_MAX {
            if let Some(request) = &request
                && let Some(answer) = request.recall(&*self.store, caller.token).await?
            {
                return Ok(answer.split(' ').filter_map(|id| id.parse().ok()).collect());
            }
            let sorted = idempotency::sort(&*self.store, caller.token, IdempotencyKind::Event, &submitted).await?;
            let now = self.environment.now();
            let mut submission = Submission { now, source: caller.source(), ..Submission::default() };
            let ids = self.gather(caller, &submitted, &sorted, &mut submission)?;
            if let Some(request) = &request {
                let answer = ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
                submission.repeats.push(request.remember(caller.token, answer));
            }
            if submission.events.is_empty() && submission.repeats.is_empty() {
                return Ok(ids);
            }
            if idempotency::kept(&self.submit(submission).await?) {
                return Ok(ids);
            }
        }
        Err(idempotency::lost())
    }

    /// Accepts an event that another plugin of the ERP wrote to a source's outbox in this row.
    ///
    /// # Errors
    /// [`IntakeError`]; nothing was stored then.
    pub async fn outbox_event(
        &self,
        source: SourceId,
        event: SubmittedEvent,
        row: ProcessedRow,
    ) -> Result<(), IntakeError> {
        let now = self.environment.now();
        let mut submission = Submission { now, source: Some(source), processed: vec![row], ..Submission::default() };
        self.gather(own_caller(source), &[event], &Sorted::default(), &mut submission)?;
        if idempotency::kept(&self.submit(submission).await?) { Ok(()) } else { Err(idempotency::lost()) }
    }

    /// Announces an event of Gancho's own, such as `source.down`, to endpoints that subscribe to it by name.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn announce(&self, event: &'static str, object: Value) -> Result<(), IntakeError> {
        let Ok(event) = EventType::parse(event) else { return Ok(()) };
        let now = self.environment.now();
        let event = Event::own(event, object, None, now, &*self.environment);
        let events = vec![event.into()];
        self.submit(Submission { events, now, ..Submission::default() }).await?;
        Ok(())
    }

    /// Renders new events into the submission; returns the id of every item in order.
    fn gather(
        &self,
        caller: Caller,
        submitted: &[SubmittedEvent],
        sorted: &Sorted,
        submission: &mut Submission,
    ) -> Result<Vec<EventId>, IntakeError> {
        let mut ids: Vec<EventId> = Vec::with_capacity(submitted.len());
        for (place, one) in submitted.iter().enumerate() {
            let known = match sorted.repeats.get(&place) {
                Some(Before::Answer(answer)) => answer.parse().ok(),
                Some(Before::Place(place)) => ids.get(*place).copied(),
                None => None,
            };
            if let Some(id) = known {
                ids.push(id);
                continue;
            }
            let event = self.render(caller, one, submission.now);
            if event.body.len() > self.limits.event_bytes {
                let (bytes, limit) = (event.body.len(), self.limits.event_bytes);
                return Err(IntakeError::TooLarge { place, bytes, limit });
            }
            if let Some(name) = &one.id {
                let key = IdempotencyKey { kind: IdempotencyKind::Event, key: name.clone() };
                let recalled = StoredResponse { digest: one.digest, answer: event.id.to_string() };
                submission.repeats.push((caller.token, key, recalled));
            }
            ids.push(event.id);
            submission.events.push(event.into());
        }
        Ok(ids)
    }

    fn render(&self, caller: Caller, submitted: &SubmittedEvent, now: Timestamp) -> Event {
        let id = EventId::new(now, &*self.environment);
        let created = submitted.created.unwrap_or(now);
        let source = caller.source();
        let from = Provenance { source, origin: submitted.origin.clone(), test: false };
        Event {
            id,
            sequence: 0,
            body: render_body(id, &submitted.event, created, submitted.data.clone(), &from),
            event: submitted.event.clone(),
            created,
            arrived_at: now,
            source,
            object: None,
            label: submitted.data.get("object").and_then(Value::as_object).and_then(label),
        }
    }
}
