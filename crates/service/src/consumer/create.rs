use gancho_model::{Consumer, Message, Timestamp};
use gancho_store::EventFilter;

use super::{NewConsumer, input::Start};
use crate::{ServiceError, ServiceResult, Services, input::List};

impl Services {
    /// Creates a consumer.
    ///
    /// # Errors
    /// A conflict if the name is taken.
    pub async fn create_consumer(&self, new: NewConsumer, who: &str) -> ServiceResult<Consumer> {
        let position = self.start(new.from.unwrap_or(Start::After(0))).await?;
        let consumer = Consumer {
            name: new.name.0,
            types: new.types.map(|List(types)| types).unwrap_or_default(),
            sources: new.sources.map(|List(sources)| sources).unwrap_or_default(),
            position,
            created_at: self.environment.now(),
            acked_at: None,
        };
        self.store.add_consumer(consumer.clone()).await?;
        self.audit.record(who, "consumer.created", &consumer.name, String::new()).await;
        Ok(consumer)
    }

    /// The sequence number after which a consumer starts.
    pub(crate) async fn start(&self, from: Start) -> ServiceResult<u64> {
        let last = *self.store.watch().borrow();
        match from {
            Start::After(sequence) if sequence > last => {
                Err(ServiceError::field("from", Message::new("conflict-beyond").with("last", last)))
            }
            Start::After(sequence) => Ok(sequence),
            Start::Latest => Ok(last),
            Start::At(since) => Ok(self.before(since).await?.unwrap_or(last)),
        }
    }

    /// The number before the first event that arrived at a time or later; `None` if there is none.
    async fn before(&self, since: Timestamp) -> ServiceResult<Option<u64>> {
        let filter = EventFilter { since: Some(since), ..EventFilter::default() };
        let mut after = 0;
        loop {
            let page = self.store.feed(after, filter.clone(), 1).await?;
            match (page.items.first(), page.next) {
                (Some(event), _) => return Ok(Some(event.sequence - 1)),
                (None, Some(next)) if next > after => after = next,
                _ => return Ok(None),
            }
        }
    }
}
