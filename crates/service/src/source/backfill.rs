use gancho_model::{EndpointId, Message, ObjectKey, Priority, SourceId, SourceKind, Timestamp};
use gancho_store::StoreError;

use crate::{
    RecordPage, ServiceError, ServiceResult, Services,
    endpoint::{noun_of, refuse_listener},
    input::{Model, RowKey, Text, Whole, input},
};

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

/// What was sent of a model, and where to go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backfilled {
    /// Records that are on their way.
    pub count: usize,
    /// Records that are too large, or of which the endpoint's template makes nothing.
    pub refused: usize,
    /// Where the next call goes on; nothing after the last.
    pub next: Option<String>,
}

impl Services {
    /// Sends existing records of an ERP to one endpoint, as events `noun.snapshot` outside the feed: one page, in the order
    /// of their keys. Whoever goes on where the last page ended sends every record once.
    ///
    /// # Errors
    /// When there is no such source or endpoint, or the ERP does not answer. A plugin's ERP can't be asked.
    pub async fn backfill(&self, id: SourceId, input: BackfillInput, who: &str) -> ServiceResult<Backfilled> {
        let source = self.store.source(id).await?;
        if source.kind == SourceKind::Plugin {
            return Err(ServiceError::Conflict(Message::new("conflict-backfill-plugin")));
        }
        let missing = |_| ServiceError::field("endpoint", Message::new("error-endpoint-id"));
        let endpoint = self.store.endpoint(input.endpoint).await.map_err(missing)?;
        refuse_listener(&endpoint)?;
        if !endpoint.enabled {
            return Err(StoreError::Conflict(Message::new("conflict-disabled")).into());
        }
        let since = input.since.map(|day| day.0);
        if since.as_ref().is_some_and(|day| Timestamp::parse(&format!("{day}T00:00:00Z")).is_none()) {
            return Err(ServiceError::field("since", Message::new("error-day")));
        }
        let (model, noun) = noun_of(&input.model.0)?;
        let limit = input.limit.map_or(100, Whole::small);
        let page = RecordPage { model: model.clone(), after: input.after.map(|key| key.0), since, limit };
        let records = self.sources.records(&source, &page).await.map_err(ServiceError::Unavailable)?;
        let is_last = records.len() < limit as usize;
        let next = records.last().map(|(key, _)| key.clone()).filter(|_| !is_last);
        let (mut events, mut refused) = (vec![], 0);
        for (key, record) in records {
            let object = ObjectKey { model: model.clone(), key };
            let event = self.snapshot(noun, object, record, &source);
            match event.and_then(|event| Ok((self.planned(&endpoint, &event)?, event))) {
                Ok((planned, event)) => events.push((event, planned)),
                Err(_) => refused += 1,
            }
        }
        let count = events.len();
        if count > 0 {
            self.store.send_apart(events, Priority::Replay).await?;
        }
        if page.after.is_none() {
            self.audit.record(who, "source.backfilled", &id, source.name.clone()).await;
        }
        Ok(Backfilled { count, refused, next })
    }
}
