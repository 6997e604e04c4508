//! Finds and erases data about one customer.

use std::sync::Arc;

use async_trait::async_trait;
use gancho_model::{
    DataSubject, DeliveryId, Event, Moment, erased_body,
    limits::{PERSONAL_DATA_BATCH, PERSONAL_DATA_ERASED, PERSONAL_DATA_PAGE},
};
use sqlx::{AssertSqlSafe, Row as _};

use super::{Db, PostgresStore, cancel, rows, write_context::WriteContext};
use crate::{Erased, Page, PersonalData, StoreError, stored::attempt};

/// Candidate events fetched at once; each is then checked exactly.
const LOOKED_AT: i64 = 4 * PERSONAL_DATA_PAGE as i64;

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
            forget_requests(&mut context.db, &subject).await
        })
        .await
    }
}

/// The next events about the customer, with their numbers, and the cursor.
async fn look(db: &mut Db, subject: &DataSubject, after: Option<i64>) -> Result<Page<(i64, Event), i64>, StoreError> {
    let after = after.unwrap_or(i64::MIN);
    let last = "SELECT n FROM events WHERE n > $1 ORDER BY n OFFSET $2 LIMIT 1";
    let next = scalar!(db, i64, last, after, PERSONAL_DATA_BATCH - 1);
    // Only candidate events leave the database.
    let select = format!(
        "SELECT {} FROM events WHERE n > $1 AND n <= $2 \
        AND (EXISTS (SELECT 1 FROM unnest($3::bytea[]) AS needle WHERE position(needle IN body) > 0) OR object = $4) \
        ORDER BY n LIMIT $5",
        rows::EVENT
    );
    let own = rows::storable(&format!("{}:{}", gancho_model::CUSTOMER_MODEL, subject.code));
    let until = next.unwrap_or(i64::MAX);
    let rows = all!(db, AssertSqlSafe(select), after, until, needles(subject), own, LOOKED_AT);
    let (is_cut, mut found, mut last) = (rows.len() as i64 == LOOKED_AT, vec![], after);
    for row in rows {
        let event = rows::event(&row)?;
        last = row.try_get(0)?;
        if subject.is_in(&event) {
            found.push((last, event));
        }
        if found.len() == PERSONAL_DATA_PAGE {
            return Ok(Page { items: found, next: Some(last) });
        }
    }
    Ok(Page { items: found, next: if is_cut { Some(last) } else { next } })
}

async fn erase(
    context: &mut WriteContext,
    subject: &DataSubject,
    after: Option<i64>,
    now: Moment,
) -> Result<Erased, StoreError> {
    let Page { items: found, next } = look(&mut context.db, subject, after).await?;
    let (mut done, mut ids) = (Erased { next, ..Erased::default() }, vec![]);
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
        done.events += 1;
        ids.push(event.id.to_string());
        if done.deliveries >= PERSONAL_DATA_ERASED {
            done.next = Some(*n);
            break;
        }
    }
    let delete =
        "DELETE FROM bin_requests WHERE EXISTS (SELECT 1 FROM unnest($1::text[]) AS id WHERE position(id IN head) > 0)";
    run!(&mut context.db, delete, ids);
    Ok(done)
}

async fn deliveries(db: &mut Db, event: i64) -> Result<Vec<(i64, DeliveryId)>, StoreError> {
    let found = all!(db, "SELECT n, id FROM deliveries WHERE event = $1 ORDER BY n", event);
    found.iter().map(|row| Ok((row.try_get(0)?, DeliveryId::from_bytes(rows::id(row, 1)?)))).collect()
}

/// The delivery's own body, receivers' responses, and the issue made from them.
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

/// Removes bin requests that contain data about the customer.
async fn forget_requests(db: &mut Db, subject: &DataSubject) -> Result<(), StoreError> {
    let select = "SELECT bin, n FROM bin_requests \
        WHERE EXISTS (SELECT 1 FROM unnest($1::bytea[]) AS needle WHERE position(needle IN body) > 0)";
    for row in all!(db, select, needles(subject)) {
        let (bin, n): (Vec<u8>, i64) = (row.try_get(0)?, row.try_get(1)?);
        // One by one: there may be many, and each may be large.
        let body = scalar!(db, Vec<u8>, "SELECT body FROM bin_requests WHERE bin = $1 AND n = $2", &bin, n);
        if body.is_some_and(|body| subject.is_in_body(&body)) {
            run!(db, "DELETE FROM bin_requests WHERE bin = $1 AND n = $2", &bin, n);
        }
    }
    Ok(())
}

/// Texts of which at least one occurs in each body about the customer.
fn needles(subject: &DataSubject) -> Vec<Vec<u8>> {
    subject.needles().map(String::into_bytes).collect()
}
