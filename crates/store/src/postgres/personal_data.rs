//! What is kept about one customer is found and erased.

use std::sync::Arc;

use async_trait::async_trait;
use gancho_model::{DataSubject, DeliveryId, Event, Moment, erased_body, limits::PERSONAL_DATA_BATCH};
use sqlx::{AssertSqlSafe, Row as _};

use super::{Db, PostgresStore, cancel, rows, write_context::WriteContext};
use crate::{Erased, Page, PersonalData, StoreError, stored::attempt};

#[async_trait]
impl PersonalData for PostgresStore {
    async fn events_about(
        &self,
        subject: Arc<DataSubject>,
        after: Option<i64>,
    ) -> Result<Page<Event, i64>, StoreError> {
        let Page { items, next } = look(&mut *self.read().await?, &subject, after).await?;
        Ok(Page { items: items.into_iter().map(|(_, event)| event).collect(), next })
    }

    async fn erase(&self, subject: Arc<DataSubject>, after: Option<i64>, now: Moment) -> Result<Erased, StoreError> {
        self.write(true, async move |context| erase(context, &subject, after, now).await).await
    }

    async fn forget_customer(&self, subject: Arc<DataSubject>) -> Result<(), StoreError> {
        self.write(true, async move |context| {
            let forget = "DELETE FROM customers WHERE code = $1 AND ($2::bytea IS NULL OR source = $2)";
            let source = subject.source.as_ref().map(|source| source.bytes().as_slice());
            run!(&mut context.db, forget, &subject.code, source);
            forget_requests(&mut context.db, |_, body| subject.is_in_body(body)).await
        })
        .await
    }
}

/// The next events that are about the customer, with their numbers, and where to go on.
async fn look(db: &mut Db, subject: &DataSubject, after: Option<i64>) -> Result<Page<(i64, Event), i64>, StoreError> {
    let after = after.unwrap_or(i64::MIN);
    let last = "SELECT n FROM events WHERE n > $1 ORDER BY n OFFSET $2 LIMIT 1";
    let next = scalar!(db, i64, last, after, PERSONAL_DATA_BATCH - 1);
    // Only what may be about the customer leaves the database.
    let select = format!(
        "SELECT {} FROM events WHERE n > $1 AND n <= $2 \
        AND (EXISTS (SELECT 1 FROM unnest($3::bytea[]) AS needle WHERE position(needle IN body) > 0) OR object = $4) \
        ORDER BY n",
        rows::EVENT
    );
    let needles: Vec<Vec<u8>> = subject.needles().map(String::into_bytes).collect();
    let own = rows::storable(&format!("{}:{}", gancho_model::CUSTOMER_MODEL, subject.code));
    let mut found = vec![];
    for row in all!(db, AssertSqlSafe(select), after, next.unwrap_or(i64::MAX), needles, own) {
        let event = rows::event(&row)?;
        if subject.is_in(&event) {
            found.push((row.try_get(0)?, event));
        }
    }
    Ok(Page { items: found, next })
}

async fn erase(
    context: &mut WriteContext,
    subject: &DataSubject,
    after: Option<i64>,
    now: Moment,
) -> Result<Erased, StoreError> {
    let Page { items: found, next } = look(&mut context.db, subject, after).await?;
    let mut done = Erased { events: found.len() as u64, next, ..Erased::default() };
    for (n, event) in &found {
        for (delivery, id) in deliveries(&mut context.db, *n).await? {
            done.deliveries += 1;
            let vault = context.vault.clone();
            let reading = context.clock.reading(&vault, now);
            let (_, one) = rows::one_delivery(&mut context.db, id, &reading).await?;
            done.cancelled += u64::from(cancel::cancel_if_waiting(context, delivery, &one).await?);
            erase_delivery(&mut context.db, delivery).await?;
        }
        let update = "UPDATE events SET body = $3, label = NULL, object = CASE WHEN $4 THEN NULL ELSE object END \
            WHERE n = $1 AND arrived_at = $2";
        let body = erased_body(event, now.wall);
        run!(&mut context.db, update, n, event.arrived_at.ms(), body.as_ref(), subject.is_record(event));
        run!(&mut context.db, "DELETE FROM searched WHERE n = $1 AND arrived_at = $2", n, event.arrived_at.ms());
    }
    if !found.is_empty() {
        let ids: Vec<String> = found.iter().map(|(_, event)| event.id.to_string()).collect();
        forget_requests(&mut context.db, |head, _| ids.iter().any(|id| head.contains(id.as_str()))).await?;
    }
    Ok(done)
}

async fn deliveries(db: &mut Db, event: i64) -> Result<Vec<(i64, DeliveryId)>, StoreError> {
    let found = all!(db, "SELECT n, id FROM deliveries WHERE event = $1 ORDER BY n", event);
    found.iter().map(|row| Ok((row.try_get(0)?, DeliveryId::from_bytes(rows::id(row, 1)?)))).collect()
}

/// Its own body, what receivers answered, and the issue that was made of that.
async fn erase_delivery(db: &mut Db, n: i64) -> Result<(), StoreError> {
    run!(db, "UPDATE deliveries SET body = NULL WHERE n = $1 AND body IS NOT NULL", n);
    run!(db, "DELETE FROM issues WHERE delivery = $1", n);
    for row in all!(db, "SELECT n, attempt FROM attempts WHERE delivery = $1", n) {
        let packed = attempt::without_answer(&row.try_get::<Vec<u8>, _>(1)?)?;
        let update = "UPDATE attempts SET attempt = $3 WHERE delivery = $1 AND n = $2";
        run!(db, update, n, row.try_get::<i64, _>(0)?, packed);
    }
    Ok(())
}

/// Removes requests that came to bins.
async fn forget_requests(db: &mut Db, is_meant: impl Fn(&str, &[u8]) -> bool) -> Result<(), StoreError> {
    for row in all!(db, "SELECT bin, n, head, body FROM bin_requests") {
        if is_meant(&row.try_get::<String, _>(2)?, &row.try_get::<Vec<u8>, _>(3)?) {
            let delete = "DELETE FROM bin_requests WHERE bin = $1 AND n = $2";
            run!(db, delete, row.try_get::<Vec<u8>, _>(0)?, row.try_get::<i64, _>(1)?);
        }
    }
    Ok(())
}
