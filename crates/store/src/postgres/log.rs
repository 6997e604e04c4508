//! Reads the log, and resends or cancels deliveries.

use async_trait::async_trait;
use bytes::Bytes;
use const_format::formatcp;
use gancho_model::{Attempt, Delivery, DeliveryId, Event, EventId, Message, MonoTime, Reason, State};
use sqlx::AssertSqlSafe;

use super::{
    PostgresStore, bulk, cancel, list, partition::EVENT_OF_DELIVERY, resend, rows, write_context::WriteContext,
};
use crate::{Bulk, BulkDone, DeliveryFilter, EventFilter, Log, Page, StoreError, stored::attempt};

#[async_trait]
impl Log for PostgresStore {
    async fn feed(&self, after: u64, filter: EventFilter, limit: usize) -> Result<Page<Event, u64>, StoreError> {
        list::feed(&mut *self.read_now().await?, after, &filter, limit).await
    }

    async fn recent(
        &self,
        before: Option<u64>,
        filter: EventFilter,
        limit: usize,
    ) -> Result<Page<Event, u64>, StoreError> {
        list::recent(&mut *self.read_now().await?, before, &filter, limit).await
    }

    fn pulse(&self) -> tokio::sync::watch::Receiver<u64> {
        self.pulse.clone()
    }

    async fn act_on(&self, bulk: Bulk, before: Option<DeliveryId>) -> Result<BulkDone, StoreError> {
        if bulk.dry_run {
            let mut db = self.read().await?;
            return bulk::count(&mut db, &bulk, before, &self.reading()).await;
        }
        self.write(true, async move |context| bulk::act_on(context, &bulk, before).await).await
    }

    fn watch(&self) -> tokio::sync::watch::Receiver<u64> {
        self.news.clone()
    }

    async fn event(&self, id: EventId) -> Result<Event, StoreError> {
        let mut db = self.read().await?;
        let select = AssertSqlSafe(format!("SELECT {} FROM events WHERE id = $1", rows::EVENT));
        rows::event(&first!(db, select, id.bytes().as_slice()).ok_or(StoreError::NotFound)?)
    }

    async fn deliveries_of(&self, event: EventId) -> Result<Vec<Delivery>, StoreError> {
        let mut db = self.read().await?;
        let select = AssertSqlSafe(format!(
            "SELECT {} FROM {} WHERE d.event = (SELECT n FROM events WHERE id = $1) ORDER BY d.n LIMIT 1000",
            rows::DELIVERY,
            rows::DELIVERY_FROM
        ));
        let found = all!(db, select, event.bytes().as_slice());
        let reading = self.reading();
        found.iter().map(|row| rows::delivery(&reading, row)).collect()
    }

    async fn deliveries(
        &self,
        before: Option<DeliveryId>,
        filter: DeliveryFilter,
        limit: usize,
    ) -> Result<Page<Delivery, DeliveryId>, StoreError> {
        let mut db = self.read().await?;
        list::deliveries(&mut db, before, &filter, limit, &self.reading()).await
    }

    async fn delivery(&self, id: DeliveryId) -> Result<(Delivery, Vec<Attempt>), StoreError> {
        let mut db = self.read().await?;
        let (n, delivery) = rows::one_delivery(&mut db, id, &self.reading()).await?;
        let attempts = column!(db, Vec<u8>, "SELECT attempt FROM attempts WHERE delivery = $1 ORDER BY n", n);
        let attempts = attempts.iter().map(|packed| attempt::unpack(packed)).collect::<Result<_, StoreError>>()?;
        Ok((delivery, attempts))
    }

    async fn delivery_body(&self, id: DeliveryId) -> Result<Bytes, StoreError> {
        let mut db = self.read().await?;
        let select = formatcp!(
            "SELECT coalesce(d.body, e.body) FROM deliveries d JOIN events e ON {EVENT_OF_DELIVERY} WHERE d.id = $1"
        );
        let body = scalar!(db, Vec<u8>, select, id.bytes().as_slice());
        body.map(Bytes::from).ok_or(StoreError::NotFound)
    }

    async fn retry(&self, id: DeliveryId, now: MonoTime) -> Result<Delivery, StoreError> {
        self.write(true, async move |context| {
            // Another node may resend or record it at the same time.
            let lock = "SELECT n FROM deliveries WHERE id = $1 FOR NO KEY UPDATE";
            run!(&mut context.db, lock, id.bytes().as_slice());
            let (n, delivery) = numbered(context, id).await?;
            let (vault, clock) = (context.vault.clone(), context.clock.clone());
            let found = rows::one_endpoint(&mut context.db, &vault, &clock, delivery.endpoint_id).await;
            let (endpoint_n, endpoint) = match found {
                Err(StoreError::NotFound) => return Err(StoreError::Conflict(Message::new("conflict-removed"))),
                found => found?,
            };
            if delivery.state == State::Skipped {
                let is_large = delivery.reason == Some(Reason::TooLarge);
                let why = if is_large { "conflict-large" } else { "conflict-skipped" };
                return Err(StoreError::Conflict(Message::new(why)));
            }
            let max_attempts = delivery.attempts + endpoint.retry.attempts();
            resend::again(context, n, &delivery, endpoint_n, max_attempts, now).await?;
            numbered(context, id).await.map(|(_, delivery)| delivery)
        })
        .await
    }

    async fn cancel(&self, id: DeliveryId) -> Result<Delivery, StoreError> {
        self.write(true, async move |context| {
            let (n, delivery) = numbered(context, id).await?;
            cancel::cancel(context, n, &delivery).await?;
            numbered(context, id).await.map(|(_, delivery)| delivery)
        })
        .await
    }
}

async fn numbered(context: &mut WriteContext, id: DeliveryId) -> Result<(i64, Delivery), StoreError> {
    let vault = context.vault.clone();
    let reading = context.clock.reading(&vault, context.environment.moment());
    rows::one_delivery(&mut context.db, id, &reading).await
}
