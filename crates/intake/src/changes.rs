use gancho_facturascripts::{ReferenceData, Understood, Watched, shape::Shape, understand};
use gancho_model::{
    Caller, Change, Event, EventId, ObjectKey, Origin, Payload, Provenance, Record, Scope, Source, SourceId, Timestamp,
    TokenId, render_body,
};
use gancho_store::{
    CustomerUpdate, IdempotencyKey, IdempotencyKind, ProcessedRow, ReferenceUpdate, SnapshotUpdate, StoreError,
    StoredResponse, Submission,
};

use crate::{
    Intake, IntakeError, RequestIdempotency, customers,
    idempotency::{self, Before, Digest, Named, RACES_MAX, Sorted},
    source_cache,
};

/// A change that a source sends.
#[derive(Clone, Debug, PartialEq)]
pub struct SubmittedChange {
    /// The change.
    pub change: Change,
    /// A digest of the sent change.
    pub digest: Digest,
}

impl Named for SubmittedChange {
    fn name(&self) -> Option<&str> {
        self.change.id.as_deref()
    }
    fn digest(&self) -> Digest {
        self.digest
    }
}

/// The result of a request's changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangesAnswer {
    /// Number of new changes.
    pub accepted: usize,
    /// Number of repeated changes.
    pub duplicates: usize,
    /// Their events, of this or an earlier request.
    pub events: Vec<EventId>,
}

impl ChangesAnswer {
    fn to_text(&self) -> String {
        let ids: String = self.events.iter().map(|id| format!(" {id}")).collect();
        format!("{} {}{ids}", self.accepted, self.duplicates)
    }

    fn from_text(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        let mut number = || words.next()?.parse().ok();
        let (accepted, duplicates) = (number()?, number()?);
        Some(Self { accepted, duplicates, events: words.filter_map(|id| id.parse().ok()).collect() })
    }
}

impl Intake {
    /// Accepts changes of a source and stores their events. When it returns, they are on disk.
    ///
    /// # Errors
    /// [`IntakeError`]; nothing was stored then.
    pub async fn changes(
        &self,
        caller: Caller,
        source: SourceId,
        submitted: Vec<SubmittedChange>,
        request: Option<RequestIdempotency>,
    ) -> Result<ChangesAnswer, IntakeError> {
        self.understand(caller, source, submitted, request, Aside::default()).await
    }

    /// Accepts changes found by polling, together with the new snapshots, the version of the compared ones, and the
    /// customer records, by code, that the changes refer to, atomically.
    ///
    /// # Errors
    /// [`IntakeError`]; nothing was stored then.
    pub async fn found(
        &self,
        source: SourceId,
        changes: Vec<Change>,
        seen: (u64, Vec<SnapshotUpdate>),
        customers: Vec<(String, Record)>,
    ) -> Result<(), IntakeError> {
        let aside = Aside { seen, customers, ..Aside::default() };
        self.understand(own_caller(source), source, unnamed(changes), None, aside).await.map(drop)
    }

    /// Accepts the changes composed of these rows of a source's outbox, with the customer records, by code, that they
    /// refer to. The rows are marked as processed: see [`Intake::processed`].
    ///
    /// # Errors
    /// [`IntakeError`]; nothing was stored then.
    pub async fn outbox_changes(
        &self,
        source: SourceId,
        changes: Vec<Change>,
        processed: Vec<ProcessedRow>,
        customers: Vec<(String, Record)>,
    ) -> Result<(), IntakeError> {
        let aside = Aside { processed, customers, ..Aside::default() };
        self.understand(own_caller(source), source, unnamed(changes), None, aside).await.map(drop)
    }

    /// For each row of a source's outbox, in the same order: whether it was processed before.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn processed(&self, source: SourceId, rows: Vec<ProcessedRow>) -> Result<Vec<bool>, IntakeError> {
        Ok(self.store.processed(source, rows).await?)
    }

    /// Stores reference rows of a source.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn learn(&self, source: SourceId, rows: Vec<(ObjectKey, Record)>) -> Result<(), IntakeError> {
        let cache = self.caches.of(source);
        let mut cache = cache.lock().await;
        *cache = None;
        let remember = |(row, record)| ReferenceUpdate { source, row, record: Some(record) };
        let remember = rows.into_iter().map(remember).collect();
        self.submit(Submission { remember, now: self.environment.now(), ..Submission::default() }).await?;
        Ok(())
    }

    async fn understand(
        &self,
        caller: Caller,
        source: SourceId,
        submitted: Vec<SubmittedChange>,
        request: Option<RequestIdempotency>,
        aside: Aside,
    ) -> Result<ChangesAnswer, IntakeError> {
        let source = self.store.source(source).await?;
        let cache = self.caches.of(source.id);
        let mut cache = cache.lock().await;
        for _ in 0..RACES_MAX {
            if let Some(request) = &request
                && let Some(answer) = request.recall(&*self.store, caller.token).await?
            {
                return ChangesAnswer::from_text(&answer)
                    .ok_or_else(|| StoreError::Broken("a remembered answer can't be read".into()).into());
            }
            // Taken out: after a failure it is loaded again instead of being half updated.
            let mut knowledge = match cache.take() {
                Some(knowledge) => knowledge,
                None => source_cache::load(&*self.store, source.id).await?,
            };
            let sorted = idempotency::sort(&*self.store, caller.token, IdempotencyKind::Change, &submitted).await?;
            let (mut submission, answer) = self.prepare(caller, &source, &submitted, &sorted, &mut knowledge.data)?;
            submission.understood_by = Some(knowledge.version);
            knowledge.version += u64::from(!submission.remember.is_empty());
            if let Some(request) = &request {
                submission.repeats.push(request.remember(caller.token, answer.to_text()));
            }
            submission.processed.clone_from(&aside.processed);
            let read = customers::read(source.id, aside.customers.clone());
            // A change of a customer's own record is newer than the record read with it.
            submission.customers.splice(0..0, read);
            (submission.seen_version, submission.snapshots) = aside.seen.clone();
            if idempotency::kept(&self.submit(submission).await?) {
                *cache = Some(knowledge);
                return Ok(answer);
            }
        }
        Err(idempotency::lost())
    }

    fn prepare(
        &self,
        caller: Caller,
        source: &Source,
        submitted: &[SubmittedChange],
        sorted: &Sorted,
        knowledge: &mut ReferenceData,
    ) -> Result<(Submission, ChangesAnswer), IntakeError> {
        let now = self.environment.now();
        let shape = Shape::new(&source.time_zone).map_err(|error| StoreError::Broken(error.to_string()))?;
        let watched = Watched::new(source.models.as_deref());
        let known =
            sorted.fresh.iter().filter_map(|&place| customers::learned(source.id, &submitted[place].change, &shape));
        let known: Vec<CustomerUpdate> = known.collect();
        let fresh: Vec<Change> = sorted.fresh.iter().map(|&place| submitted[place].change.clone()).collect();
        let origins: Vec<Option<Origin>> = fresh.iter().map(|change| change.origin.clone()).collect();
        let understood = understand(fresh, &shape, &watched, knowledge);
        let mut submission = Submission { now, source: Some(source.id), customers: known, ..Submission::default() };
        let made = self.keep(source.id, (understood, &origins), &mut submission);

        let mut events = vec![];
        for (place, one) in submitted.iter().enumerate() {
            let fresh_place = sorted.fresh.binary_search(&place).ok();
            let own: Vec<EventId> = match (fresh_place, sorted.repeats.get(&place)) {
                (Some(fresh), _) => made.iter().filter(|(of, _)| of.contains(&fresh)).map(|(_, id)| *id).collect(),
                (None, Some(Before::Answer(answer))) => answer.split(' ').filter_map(|id| id.parse().ok()).collect(),
                _ => vec![],
            };
            if let (Some(_), Some(name)) = (fresh_place, &one.change.id) {
                let answer = own.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
                let key = IdempotencyKey { kind: IdempotencyKind::Change, key: name.clone() };
                submission.repeats.push((caller.token, key, StoredResponse { digest: one.digest, answer }));
            }
            events.extend(own.into_iter().filter(|id| !events.contains(id)).collect::<Vec<_>>());
        }
        let answer = ChangesAnswer { accepted: sorted.fresh.len(), duplicates: sorted.repeats.len(), events };
        Ok((submission, answer))
    }

    /// Renders the events into the submission; returns each with its changes. Each change's origin is at the same
    /// index.
    fn keep(
        &self,
        source: SourceId,
        (understood, origins): (Understood, &[Option<Origin>]),
        submission: &mut Submission,
    ) -> Vec<(Vec<usize>, EventId)> {
        let remember = |learned: gancho_facturascripts::ReferenceRow| ReferenceUpdate {
            source,
            row: learned.row,
            record: learned.record,
        };
        submission.remember.extend(understood.learned.into_iter().map(remember));
        let mut made = vec![];
        for (made_of, payload) in understood.events {
            let origin = Origin::shared(made_of.iter().map(|place| origins[*place].as_ref()));
            let from = Provenance { source: Some(source), origin, test: false };
            let event = self.render_payload(from, payload, submission.now);
            made.push((made_of, event.id));
            // An outbox must never be blocked: too large events are stored and shown, but not sent.
            submission.events.push(event.into());
        }
        made
    }

    fn render_payload(&self, from: Provenance, payload: Payload, now: Timestamp) -> Event {
        let id = EventId::new(now, &*self.environment);
        let created = payload.at.unwrap_or(now);
        Event {
            id,
            sequence: 0,
            body: render_body(id, &payload.event, created, payload.data, &from),
            event: payload.event,
            created,
            arrived_at: now,
            source: from.source,
            object: payload.object,
            label: payload.label,
        }
    }
}

/// Data stored with changes.
#[derive(Default)]
struct Aside {
    /// Rows of the source's outbox that the changes were composed of.
    processed: Vec<ProcessedRow>,
    /// New snapshots, and the version of the compared ones.
    seen: (u64, Vec<SnapshotUpdate>),
    /// Customer records by code.
    customers: Vec<(String, Record)>,
}

/// Changes without ids, since their repeats are recognised by other means.
fn unnamed(changes: Vec<Change>) -> Vec<SubmittedChange> {
    changes.into_iter().map(|change| SubmittedChange { change, digest: Digest::default() }).collect()
}

/// The caller for sources watched by this process, which have no token.
pub(crate) fn own_caller(source: SourceId) -> Caller {
    Caller { token: TokenId::from_bytes(*source.bytes()), scope: Scope::Source(source) }
}
