//! Finds and erases data about one customer.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use gancho_model::{
    DataSubject, DeliveryId, Event, Moment, erased_body,
    limits::{PERSONAL_DATA_BATCH, PERSONAL_DATA_ERASED, PERSONAL_DATA_PAGE},
};
use rusqlite::{Connection, params};

use super::{SqliteStore, cancel, rows, write_context::WriteContext};
use crate::{Erased, Page, PersonalData, StoreError, stored::attempt};

/// How long to wait for readers.
const PATIENCE: Duration = Duration::from_secs(5);

#[async_trait]
impl PersonalData for SqliteStore {
    async fn events_about(
        &self,
        subject: Arc<DataSubject>,
        after: Option<i64>,
    ) -> Result<Page<Event, i64>, StoreError> {
        self.read(move |db| {
            let Page { items, next } = look(db, &subject, after)?;
            Ok(Page { items: items.into_iter().map(|(_, event)| event).collect(), next })
        })
        .await
    }

    async fn erase(&self, subject: Arc<DataSubject>, after: Option<i64>, now: Moment) -> Result<Erased, StoreError> {
        let done = self.write(true, move |context| erase(context, &subject, after, now)).await?;
        if done.events > 0 {
            // Removed texts leave trigrams in the index until they are merged away: rebuild it.
            self.search.discard();
        }
        Ok(done)
    }

    async fn forget_customer(&self, subject: Arc<DataSubject>) -> Result<(), StoreError> {
        self.write(true, move |context| {
            let forget = "DELETE FROM customers WHERE code = ?1 AND (?2 IS NULL OR source = ?2)";
            context.db.execute(forget, params![subject.code, subject.source.as_ref().map(|source| source.bytes())])?;
            forget_requests(&context.db, &subject)
        })
        .await?;
        self.overwrite().await
    }
}

impl SqliteStore {
    /// Removed data also leaves the write-ahead log: a full checkpoint truncates it.
    async fn overwrite(&self) -> Result<(), StoreError> {
        let path = self.read(|db| Ok(db.path().map(ToOwned::to_owned))).await?;
        let Some(path) = path else { return Ok(()) };
        // On a connection apart from the readers: the WAL is truncated while nothing reads.
        let emptied = tokio::task::spawn_blocking(move || {
            let db = Connection::open(path)?;
            db.busy_timeout(PATIENCE)?;
            // A longer reader keeps a part of the WAL; it is overwritten when the WAL restarts.
            db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
        });
        emptied.await.map_err(|error| StoreError::Broken(error.to_string()))?.map_err(Into::into)
    }
}

/// The next events about the customer, with their numbers, and the cursor.
fn look(db: &Connection, subject: &DataSubject, after: Option<i64>) -> Result<Page<(i64, Event), i64>, StoreError> {
    let select = format!("SELECT {} FROM events WHERE n > ?1 ORDER BY n LIMIT ?2", rows::EVENT);
    let mut select = db.prepare_cached(&select)?;
    let mut rows = select.query(params![after.unwrap_or(i64::MIN), PERSONAL_DATA_BATCH])?;
    let (mut found, mut seen, mut last) = (vec![], 0, None);
    while let Some(row) = rows.next()? {
        let n: i64 = row.get(0)?;
        let event = rows::event(row)?;
        if subject.is_in(&event) {
            found.push((n, event));
        }
        if found.len() == PERSONAL_DATA_PAGE {
            return Ok(Page { items: found, next: Some(n) });
        }
        (seen, last) = (seen + 1, Some(n));
    }
    Ok(Page { items: found, next: last.filter(|_| seen == PERSONAL_DATA_BATCH) })
}

fn erase(
    context: &mut WriteContext,
    subject: &DataSubject,
    after: Option<i64>,
    now: Moment,
) -> Result<Erased, StoreError> {
    let Page { items: found, next } = look(&context.db, subject, after)?;
    let (mut done, mut ids) = (Erased { next, ..Erased::default() }, vec![]);
    for (n, event) in &found {
        for (delivery, id) in deliveries(&context.db, *n)? {
            done.deliveries += 1;
            let vault = context.vault.clone();
            let (_, one) = super::log::one_delivery(&context.db, id, &vault, now)?;
            done.cancelled += u64::from(cancel::cancel_if_waiting(context, delivery, &one)?);
            erase_delivery(&context.db, delivery)?;
        }
        let update = "UPDATE events SET body = ?2, label = NULL, object = iif(?3, NULL, object) WHERE n = ?1";
        let body = erased_body(event, now.wall);
        context.db.prepare_cached(update)?.execute(params![n, &*body, subject.is_record(event)])?;
        done.events += 1;
        ids.push(event.id.to_string());
        if done.deliveries >= PERSONAL_DATA_ERASED {
            done.next = Some(*n);
            break;
        }
    }
    let mut delete = context.db.prepare_cached("DELETE FROM bin_requests WHERE instr(head, ?1) > 0")?;
    for id in &ids {
        delete.execute([id])?;
    }
    drop(delete);
    Ok(done)
}

fn deliveries(db: &Connection, event: i64) -> Result<Vec<(i64, DeliveryId)>, StoreError> {
    let mut select = db.prepare_cached("SELECT n, id FROM deliveries WHERE event = ?1 ORDER BY n")?;
    let found = select.query_map([event], |row| Ok((row.get(0)?, DeliveryId::from_bytes(row.get(1)?))))?;
    Ok(found.collect::<rusqlite::Result<_>>()?)
}

/// The delivery's own body, receivers' responses, and the issue made from them.
fn erase_delivery(db: &Connection, n: i64) -> Result<(), StoreError> {
    db.prepare_cached("UPDATE deliveries SET body = NULL WHERE n = ?1 AND body IS NOT NULL")?.execute([n])?;
    db.prepare_cached("DELETE FROM issues WHERE delivery = ?1")?.execute([n])?;
    let mut select = db.prepare_cached("SELECT k, attempt FROM attempts WHERE k BETWEEN ?1 AND ?1 + 65535")?;
    let mut rows = select.query([n << 16])?;
    let mut erased = vec![];
    while let Some(row) = rows.next()? {
        let packed = row.get_ref(1)?.as_bytes().map_err(|_| rows::damaged("an attempt"))?;
        erased.push((row.get::<_, i64>(0)?, attempt::without_answer(packed)?));
    }
    for (k, packed) in erased {
        db.prepare_cached("UPDATE attempts SET attempt = ?2 WHERE k = ?1")?.execute(params![k, packed])?;
    }
    Ok(())
}

/// Removes bin requests that contain data about the customer.
fn forget_requests(db: &Connection, subject: &DataSubject) -> Result<(), StoreError> {
    let mut select = db.prepare_cached("SELECT bin, n, body FROM bin_requests")?;
    let mut rows = select.query([])?;
    let mut meant: Vec<(Vec<u8>, i64)> = vec![];
    while let Some(row) = rows.next()? {
        let body = row.get_ref(2)?.as_bytes().map_err(|_| rows::damaged("a request"))?;
        if subject.is_in_body(body) {
            meant.push((row.get(0)?, row.get(1)?));
        }
    }
    for (bin, n) in meant {
        db.prepare_cached("DELETE FROM bin_requests WHERE bin = ?1 AND n = ?2")?.execute(params![bin, n])?;
    }
    Ok(())
}
