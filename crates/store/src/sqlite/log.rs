//! The log is read, and deliveries are sent again or cancelled.

use async_trait::async_trait;
use gancho_model::{Attempt, Delivery, DeliveryId, Event, EventId, State, Timestamp};
use rusqlite::{Connection, OptionalExtension, params};

use super::{
    SqliteStore,
    desk::{Desk, Ring},
    list, rows,
};
use crate::{DeliveryFilter, EventFilter, Log, Page, StoreError};

#[async_trait]
impl Log for SqliteStore {
    async fn feed(&self, after: u64, filter: EventFilter, limit: usize) -> Result<Page<Event, u64>, StoreError> {
        self.read(move |db| list::feed(db, after, &filter, limit)).await
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
        self.read(move |db| {
            let select = format!(
                "SELECT {} FROM {} WHERE d.event = (SELECT n FROM events WHERE id = ?1) ORDER BY d.n LIMIT 1000",
                rows::DELIVERY,
                rows::DELIVERY_FROM
            );
            let mut select = db.prepare_cached(&select)?;
            let mut found = select.query([event.bytes()])?;
            let mut deliveries = vec![];
            while let Some(row) = found.next()? {
                deliveries.push(rows::delivery(row)?);
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
        self.read(move |db| list::deliveries(db, before, &filter, limit)).await
    }

    async fn delivery(&self, id: DeliveryId) -> Result<(Delivery, Vec<Attempt>), StoreError> {
        self.read(move |db| {
            let (n, delivery) = one(db, id)?;
            let mut select =
                db.prepare_cached("SELECT attempt FROM attempts WHERE k BETWEEN ?1 AND ?1 + 65535 ORDER BY k")?;
            let mut found = select.query([n << 16])?;
            let mut attempts = vec![];
            while let Some(row) = found.next()? {
                attempts.push(rows::from_json(&row.get::<_, String>(0)?)?);
            }
            Ok((delivery, attempts))
        })
        .await
    }

    async fn retry(&self, id: DeliveryId, now: Timestamp) -> Result<Delivery, StoreError> {
        let vault = self.vault.clone();
        self.write(true, move |desk| {
            let (n, delivery) = one(&desk.db, id)?;
            let Ok((endpoint_n, endpoint)) = super::endpoint::one(&desk.db, &vault, delivery.endpoint_id) else {
                return Err(StoreError::Conflict("its webhook was removed: there is nowhere to send it".into()));
            };
            if delivery.state == State::Skipped {
                return Err(StoreError::Conflict("it can't be sent: its event is too large".into()));
            }
            let max_attempts = delivery.attempts + endpoint.retry.attempts();
            // One that is under way keeps its lease, and has a fresh plan after its attempt.
            let update = "UPDATE deliveries SET state = 0, reason = NULL, max_attempts = ?2 + (leased IS NOT NULL), \
                due = iif(leased IS NULL, ?3, due) WHERE n = ?1";
            desk.db.prepare_cached(update)?.execute(params![n, max_attempts, now.ms()])?;
            if delivery.state != State::Pending {
                desk.waiting(endpoint_n, 1);
            }
            desk.tell(Ring::Due(endpoint.id, delivery.lane, now));
            one(&desk.db, id).map(|(_, delivery)| delivery)
        })
        .await
    }

    async fn cancel(&self, id: DeliveryId, _now: Timestamp) -> Result<Delivery, StoreError> {
        self.write(true, move |desk| cancel(desk, id)).await
    }
}

fn one(db: &Connection, id: DeliveryId) -> Result<(i64, Delivery), StoreError> {
    let select = format!("SELECT {} FROM {} WHERE d.id = ?1", rows::DELIVERY, rows::DELIVERY_FROM);
    let mut select = db.prepare_cached(&select)?;
    let mut found = select.query([id.bytes()])?;
    let row = found.next()?.ok_or(StoreError::NotFound)?;
    Ok((row.get(17)?, rows::delivery(row)?))
}

fn cancel(desk: &mut Desk, id: DeliveryId) -> Result<Delivery, StoreError> {
    let (n, delivery) = one(&desk.db, id)?;
    if delivery.state != State::Pending {
        let why = format!("it does not wait: it is {}", delivery.state.as_str());
        return Err(StoreError::Conflict(why));
    }
    let update = "UPDATE deliveries SET state = 3, reason = 'cancelled', due = NULL, leased = NULL WHERE n = ?1 RETURNING endpoint";
    let endpoint: Option<i64> = desk.db.prepare_cached(update)?.query_row([n], |row| row.get(0)).optional()?;
    if let Some(endpoint) = endpoint {
        desk.waiting(endpoint, -1);
    }
    desk.tell(Ring::Forget(delivery.endpoint_id, id));
    one(&desk.db, id).map(|(_, delivery)| delivery)
}
