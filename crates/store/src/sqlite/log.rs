//! Reads the log, and resends or cancels deliveries.

use async_trait::async_trait;
use bytes::Bytes;
use gancho_model::{Attempt, Delivery, DeliveryId, Event, EventId, Message, Moment, MonoTime, Reason, State};
use rusqlite::{Connection, OptionalExtension};

use super::{SqliteStore, bulk, cancel, list, resend, rows};
use crate::{Bulk, BulkDone, DeliveryFilter, EventFilter, Log, Page, StoreError, stored::attempt, vault::Vault};

#[async_trait]
impl Log for SqliteStore {
    async fn feed(&self, after: u64, filter: EventFilter, limit: usize) -> Result<Page<Event, u64>, StoreError> {
        self.read_now(move |db| list::feed(db, after, &filter, limit)).await
    }

    async fn recent(
        &self,
        before: Option<u64>,
        filter: EventFilter,
        limit: usize,
    ) -> Result<Page<Event, u64>, StoreError> {
        self.read_now(move |db| list::recent(db, before, &filter, limit)).await
    }

    fn pulse(&self) -> tokio::sync::watch::Receiver<u64> {
        self.pulse.clone()
    }

    async fn act_on(&self, bulk: Bulk, before: Option<DeliveryId>) -> Result<BulkDone, StoreError> {
        if bulk.dry_run {
            let (vault, now) = (self.vault.clone(), self.environment.moment());
            return self.read(move |db| bulk::count(db, &bulk, before, &rows::Deliveries::new(&vault, now))).await;
        }
        self.write(true, move |context| bulk::act_on(context, &bulk, before)).await
    }

    fn watch(&self) -> tokio::sync::watch::Receiver<u64> {
        self.news.clone()
    }

    async fn event(&self, id: EventId) -> Result<Event, StoreError> {
        self.read(move |db| {
            let mut select = db.prepare_cached(&format!("SELECT {} FROM events WHERE id = ?1", rows::EVENT))?;
            let mut found = select.query([id.bytes()])?;
            found.next()?.map(rows::event).transpose()?.ok_or(StoreError::NotFound)
        })
        .await
    }

    async fn deliveries_of(&self, event: EventId) -> Result<Vec<Delivery>, StoreError> {
        let (vault, now) = (self.vault.clone(), self.environment.moment());
        self.read(move |db| {
            let reading = rows::Deliveries::new(&vault, now);
            let select = format!(
                "SELECT {} FROM {} WHERE d.event = (SELECT n FROM events WHERE id = ?1) ORDER BY d.n LIMIT 1000",
                rows::DELIVERY,
                rows::DELIVERY_FROM
            );
            let mut select = db.prepare_cached(&select)?;
            let mut found = select.query([event.bytes()])?;
            let mut deliveries = vec![];
            while let Some(row) = found.next()? {
                deliveries.push(reading.read(row)?);
            }
            Ok(deliveries)
        })
        .await
    }

    async fn deliveries(
        &self,
        before: Option<DeliveryId>,
        filter: DeliveryFilter,
        limit: usize,
    ) -> Result<Page<Delivery, DeliveryId>, StoreError> {
        let (vault, now) = (self.vault.clone(), self.environment.moment());
        self.read(move |db| list::deliveries(db, before, &filter, limit, &rows::Deliveries::new(&vault, now))).await
    }

    async fn delivery(&self, id: DeliveryId) -> Result<(Delivery, Vec<Attempt>), StoreError> {
        let (vault, now) = (self.vault.clone(), self.environment.moment());
        self.read(move |db| {
            let (n, delivery) = one_delivery(db, id, &vault, now)?;
            let mut select =
                db.prepare_cached("SELECT attempt FROM attempts WHERE k BETWEEN ?1 AND ?1 + 65535 ORDER BY k")?;
            let mut found = select.query([n << 16])?;
            let mut attempts = vec![];
            while let Some(row) = found.next()? {
                attempts.push(attempt::unpack(row.get_ref(0)?.as_bytes().map_err(|_| rows::damaged("an attempt"))?)?);
            }
            Ok((delivery, attempts))
        })
        .await
    }

    async fn delivery_body(&self, id: DeliveryId) -> Result<Bytes, StoreError> {
        self.read(move |db| {
            let select =
                "SELECT coalesce(d.body, e.body) FROM deliveries d JOIN events e ON e.n = d.event WHERE d.id = ?1";
            let body: Option<Vec<u8>> =
                db.prepare_cached(select)?.query_row([id.bytes()], |row| row.get(0)).optional()?;
            body.map(Bytes::from).ok_or(StoreError::NotFound)
        })
        .await
    }

    async fn retry(&self, id: DeliveryId, now: MonoTime) -> Result<Delivery, StoreError> {
        let vault = self.vault.clone();
        self.write(true, move |context| {
            let (n, delivery) = one_delivery(&context.db, id, &context.vault, context.environment.moment())?;
            let Ok((endpoint_n, endpoint)) = super::endpoint::one(&context.db, &vault, delivery.endpoint_id) else {
                return Err(StoreError::Conflict(Message::new("conflict-removed")));
            };
            if delivery.state == State::Skipped {
                return Err(StoreError::Conflict(Message::new(if delivery.reason == Some(Reason::TooLarge) {
                    "conflict-large"
                } else {
                    "conflict-skipped"
                })));
            }
            let max_attempts = delivery.attempts + endpoint.retry.attempts();
            resend::again(context, n, &delivery, endpoint_n, max_attempts, now)?;
            one_delivery(&context.db, id, &context.vault, context.environment.moment()).map(|(_, delivery)| delivery)
        })
        .await
    }

    async fn cancel(&self, id: DeliveryId) -> Result<Delivery, StoreError> {
        self.write(true, move |context| {
            let now = context.environment.moment();
            let (n, delivery) = one_delivery(&context.db, id, &context.vault, now)?;
            cancel::cancel(context, n, &delivery)?;
            one_delivery(&context.db, id, &context.vault, now).map(|(_, delivery)| delivery)
        })
        .await
    }
}

pub(super) fn one_delivery(
    db: &Connection,
    id: DeliveryId,
    vault: &Vault,
    now: Moment,
) -> Result<(i64, Delivery), StoreError> {
    let select = format!("SELECT {} FROM {} WHERE d.id = ?1", rows::DELIVERY, rows::DELIVERY_FROM);
    let mut select = db.prepare_cached(&select)?;
    let mut found = select.query([id.bytes()])?;
    let row = found.next()?.ok_or(StoreError::NotFound)?;
    Ok((row.get(rows::DELIVERY_NUMBER)?, rows::Deliveries::new(vault, now).read(row)?))
}
