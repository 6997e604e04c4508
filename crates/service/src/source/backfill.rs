use std::sync::Arc;

use gancho_model::{
    Endpoint, EndpointId, Event, Message, ObjectKey, Priority, Source, SourceId, SourceKind, Timestamp,
};
use gancho_store::{JobStep, NewJob};
use serde::{Deserialize, Serialize};

use crate::{
    RecordPage, ServiceError, ServiceResult, Services,
    endpoint::noun_of,
    input::{Model, RowKey, Text, Whole, input},
};

/// Records read at once.
const PAGE: u32 = 100;

input! {
    /// The next existing records of a model, to be sent to one endpoint.
    pub struct BackfillInput {
        /// To whom.
        pub endpoint: EndpointId,
        /// The ERP's model, or a table's name.
        pub model: Model,
        /// Only records of this day or later, `YYYY-MM-DD`, by their own date, where the model has one.
        pub since: Option<Text<10, 10>>,
        /// After the record with this key: the `next` of the answer before.
        pub after: Option<RowKey>,
        /// At most so many; 100 if left out.
        pub limit: Option<Whole<1, 500>>,
    }
}

/// A backfill: existing records of a model that are sent to one endpoint, or the rest of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Backfill {
    source: SourceId,
    pub endpoint: EndpointId,
    /// The ERP's class.
    model: String,
    since: Option<String>,
    after: Option<String>,
}

/// The result of one page, with the next cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backfilled {
    /// Records that are being sent.
    pub count: usize,
    /// Records that are too large, or for which the endpoint's template fails.
    pub refused: usize,
    /// The cursor of the next call; `None` after the last.
    pub next: Option<String>,
}

impl Backfill {
    fn new(source: SourceId, input: BackfillInput) -> ServiceResult<Self> {
        let since = input.since.map(|day| day.0);
        if since.as_ref().is_some_and(|day| Timestamp::parse(&format!("{day}T00:00:00Z")).is_none()) {
            return Err(ServiceError::field("since", Message::new("error-day")));
        }
        let (model, _) = noun_of(&input.model.0)?;
        Ok(Self { source, endpoint: input.endpoint, model, since, after: input.after.map(|key| key.0) })
    }

    fn to_text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

impl Services {
    /// Sends existing records of an ERP to one endpoint, as events `noun.snapshot` outside the feed: one page, in key
    /// order. Calls that continue with the cursor send every record once.
    ///
    /// # Errors
    /// If the source or endpoint does not exist, or the ERP does not respond. The ERP of a plugin can't be read.
    pub async fn backfill(&self, id: SourceId, input: BackfillInput, who: &str) -> ServiceResult<Backfilled> {
        let limit = input.limit.map_or(PAGE, Whole::small);
        let (source, work) = (self.store.source(id).await?, Backfill::new(id, input)?);
        let endpoint = self.backfilled(&source, &work).await?;
        let done = self.send_page((&source, &endpoint), &work, limit, None).await?;
        if work.after.is_none() {
            self.audit.record(who, "source.backfilled", &id, source.name.clone()).await;
        }
        Ok(done)
    }

    /// Sends all of them as a background job.
    ///
    /// # Errors
    /// If the source or endpoint does not exist. The ERP of a plugin can't be read.
    pub async fn start_backfill(self: &Arc<Self>, id: SourceId, input: BackfillInput, who: &str) -> ServiceResult<()> {
        let (source, work) = (self.store.source(id).await?, Backfill::new(id, input)?);
        self.backfilled(&source, &work).await?;
        let begun = NewJob { about: work.endpoint.to_string(), total: 0, resume: Some(work.to_text()) };
        let services = self.clone();
        self.run_job(begun, move |job| async move { services.send_pages(work, job).await }).await?;
        self.audit.record(who, "source.backfilled", &id, source.name.clone()).await;
        Ok(())
    }

    /// Continues an endpoint's last job that stopped early.
    ///
    /// # Errors
    /// If it can't be continued, or another request was first.
    pub async fn continue_job(self: &Arc<Self>, endpoint: EndpointId) -> ServiceResult<()> {
        let nothing = || ServiceError::Conflict(Message::new("conflict-nothing-to-continue"));
        let progress = self.job(&endpoint.to_string()).await?.filter(crate::job::JobProgress::can_continue);
        let job = progress.ok_or_else(nothing)?.job;
        let work: Option<Backfill> = job.resume.and_then(|text| serde_json::from_str(&text).ok());
        let work = work.ok_or_else(nothing)?;
        self.backfilled(&self.store.source(work.source).await?, &work).await?;
        if !self.store.continue_job(job.number).await? {
            return Err(nothing());
        }
        let services = self.clone();
        self.carry_out(job.number, async move { services.send_pages(work, job.number).await });
        Ok(())
    }

    /// The endpoint, if it can be sent to and the ERP can be read.
    async fn backfilled(&self, source: &Source, work: &Backfill) -> ServiceResult<Endpoint> {
        if source.kind == SourceKind::Plugin {
            return Err(ServiceError::Conflict(Message::new("conflict-backfill-plugin")));
        }
        let endpoint = self.sendable(work.endpoint).await;
        endpoint.map_err(|error| error.if_missing("endpoint", "error-endpoint-id"))
    }

    /// Sends all pages.
    async fn send_pages(&self, mut work: Backfill, job: u64) -> ServiceResult<()> {
        loop {
            let source = self.store.source(work.source).await?;
            let endpoint = self.backfilled(&source, &work).await?;
            let done = self.send_page((&source, &endpoint), &work, PAGE, Some(job)).await?;
            if done.next.is_none() {
                return Ok(());
            }
            work.after = done.next;
        }
    }

    async fn send_page(
        &self,
        (source, endpoint): (&Source, &Endpoint),
        work: &Backfill,
        limit: u32,
        job: Option<u64>,
    ) -> ServiceResult<Backfilled> {
        let (model, noun) = noun_of(&work.model)?;
        let page = RecordPage { model: model.clone(), after: work.after.clone(), since: work.since.clone(), limit };
        let records = self.sources.records(source, &page).await.map_err(ServiceError::Unavailable)?;
        let is_last = records.len() < limit as usize;
        let last = records.last().map(|(key, _)| key.clone()).or_else(|| work.after.clone());
        let (mut events, read) = (vec![], records.len());
        let snapshot = |(key, record)| {
            let object = ObjectKey { model: model.clone(), key };
            self.snapshot(noun, object, record, source).ok()
        };
        let snapshots: Vec<Event> = records.into_iter().filter_map(snapshot).collect();
        let customers = self.known_customers(endpoint, source, &snapshots).await?;
        for event in snapshots {
            if let Ok(planned) = self.planned(endpoint, &event, &customers) {
                events.push((event, planned));
            }
        }
        let refused = read - events.len();
        let count = events.len();
        let rest = Backfill { after: last.clone(), ..work.clone() };
        let step = job.map(|job| JobStep { job, resume: rest.to_text() });
        if count > 0 || step.is_some() {
            self.store.send_apart(events, Priority::Replay, step).await?;
        }
        Ok(Backfilled { count, refused, next: last.filter(|_| !is_last) })
    }
}
