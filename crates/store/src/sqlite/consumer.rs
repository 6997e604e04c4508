//! Consumers of the feed.

use async_trait::async_trait;
use gancho_model::{Consumer, Message, Timestamp, limits::CONSUMERS_MAX};
use rusqlite::{Connection, Row, params};

use super::{SqliteStore, rows};
use crate::{Consumers, StoreError};

const CONSUMER: &str = "name, types, sources, position, created_at, acked_at";

#[async_trait]
impl Consumers for SqliteStore {
    async fn add_consumer(&self, consumer: Consumer) -> Result<(), StoreError> {
        self.write_now(true, move |context| {
            let count: i64 = context.db.query_row("SELECT count(*) FROM consumers", [], |row| row.get(0))?;
            if count >= CONSUMERS_MAX {
                return Err(StoreError::Conflict(Message::new("conflict-consumers").with("max", CONSUMERS_MAX)));
            }
            let insert = "INSERT INTO consumers VALUES (?1, ?2, ?3, ?4, ?5, NULL) ON CONFLICT DO NOTHING";
            let added = context.db.execute(
                insert,
                params![
                    consumer.name,
                    rows::to_json(&consumer.types),
                    rows::to_json(&consumer.sources),
                    consumer.position.cast_signed(),
                    consumer.created_at.ms(),
                ],
            )?;
            if added == 0 { Err(StoreError::Conflict(Message::new("conflict-consumer"))) } else { Ok(()) }
        })
        .await
    }

    async fn consumer(&self, name: &str) -> Result<Consumer, StoreError> {
        let name = name.to_owned();
        self.read_now(move |db| one(db, &name)).await
    }

    async fn consumers(&self) -> Result<Vec<Consumer>, StoreError> {
        self.read_now(move |db| {
            let mut select = db.prepare_cached(&format!("SELECT {CONSUMER} FROM consumers ORDER BY name"))?;
            let mut found = select.query([])?;
            let mut consumers = vec![];
            while let Some(row) = found.next()? {
                consumers.push(consumer_of(row)?);
            }
            Ok(consumers)
        })
        .await
    }

    async fn acknowledge(&self, name: &str, sequence: u64, now: Timestamp) -> Result<Consumer, StoreError> {
        let name = name.to_owned();
        self.write_now(true, move |context| {
            let last: i64 = context.db.query_row("SELECT coalesce(max(n), 0) FROM events", [], |row| row.get(0))?;
            let known = one(&context.db, &name)?;
            if sequence > known.position.max(last.max(0).unsigned_abs()) {
                return Err(StoreError::Conflict(Message::new("conflict-beyond").with("last", last.max(0))));
            }
            let update = "UPDATE consumers SET position = max(position, ?2), acked_at = ?3 WHERE name = ?1";
            context.db.prepare_cached(update)?.execute(params![name, sequence.cast_signed(), now.ms()])?;
            one(&context.db, &name)
        })
        .await
    }

    async fn remove_consumer(&self, name: &str) -> Result<(), StoreError> {
        let name = name.to_owned();
        self.write_now(true, move |context| {
            match context.db.execute("DELETE FROM consumers WHERE name = ?1", [&name])? {
                0 => Err(StoreError::NotFound),
                _ => Ok(()),
            }
        })
        .await
    }
}

fn one(db: &Connection, name: &str) -> Result<Consumer, StoreError> {
    let mut select = db.prepare_cached(&format!("SELECT {CONSUMER} FROM consumers WHERE name = ?1"))?;
    let mut found = select.query([name])?;
    found.next()?.map(consumer_of).transpose()?.ok_or(StoreError::NotFound)
}

fn consumer_of(row: &Row<'_>) -> Result<Consumer, StoreError> {
    Ok(Consumer {
        name: row.get(0)?,
        types: rows::from_json(&row.get::<_, String>(1)?)?,
        sources: rows::from_json(&row.get::<_, String>(2)?)?,
        position: row.get::<_, i64>(3)?.unsigned_abs(),
        created_at: Timestamp::from_ms(row.get(4)?),
        acked_at: rows::time(row.get(5)?),
    })
}
