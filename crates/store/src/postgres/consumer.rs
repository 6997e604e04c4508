//! Consumers of the feed.

use async_trait::async_trait;
use gancho_model::{Consumer, Message, Timestamp, limits::CONSUMERS_MAX};
use sqlx::{AssertSqlSafe, Row as _, postgres::PgRow};

use super::{Db, PostgresStore, rows};
use crate::{Consumers, StoreError};

const CONSUMER: &str = "name, types, sources, position, created_at, acked_at";

#[async_trait]
impl Consumers for PostgresStore {
    async fn add_consumer(&self, consumer: Consumer) -> Result<(), StoreError> {
        self.write_now(true, async move |context| {
            let count = scalar!(&mut context.db, i64, "SELECT count(*) FROM consumers").unwrap_or(0);
            if count >= CONSUMERS_MAX {
                return Err(StoreError::Conflict(Message::new("conflict-consumers").with("max", CONSUMERS_MAX)));
            }
            let insert = "INSERT INTO consumers VALUES ($1, $2, $3, $4, $5, NULL) ON CONFLICT DO NOTHING";
            let (types, sources) = (rows::to_json(&consumer.types), rows::to_json(&consumer.sources));
            let (position, at) = (consumer.position.cast_signed(), consumer.created_at.ms());
            let added = run!(&mut context.db, insert, &consumer.name, types, sources, position, at);
            if added == 0 { Err(StoreError::Conflict(Message::new("conflict-consumer"))) } else { Ok(()) }
        })
        .await
    }

    async fn consumer(&self, name: &str) -> Result<Consumer, StoreError> {
        one(&mut *self.read_now().await?, name).await
    }

    async fn consumers(&self) -> Result<Vec<Consumer>, StoreError> {
        let mut db = self.read_now().await?;
        let select = format!("SELECT {CONSUMER} FROM consumers ORDER BY name");
        all!(db, AssertSqlSafe(select)).iter().map(consumer_of).collect()
    }

    async fn acknowledge(&self, name: &str, sequence: u64, now: Timestamp) -> Result<Consumer, StoreError> {
        let name = name.to_owned();
        self.write_now(true, async move |context| {
            let last = scalar!(&mut context.db, i64, "SELECT coalesce(max(n), 0) FROM events").unwrap_or(0).max(0);
            let known = one(&mut context.db, &name).await?;
            if sequence > known.position.max(last.unsigned_abs()) {
                return Err(StoreError::Conflict(Message::new("conflict-beyond").with("last", last)));
            }
            let update = "UPDATE consumers SET position = greatest(position, $2), acked_at = $3 WHERE name = $1";
            run!(&mut context.db, update, &name, sequence.cast_signed(), now.ms());
            one(&mut context.db, &name).await
        })
        .await
    }

    async fn remove_consumer(&self, name: &str) -> Result<(), StoreError> {
        let name = name.to_owned();
        self.write_now(true, async move |context| {
            match run!(&mut context.db, "DELETE FROM consumers WHERE name = $1", &name) {
                0 => Err(StoreError::NotFound),
                _ => Ok(()),
            }
        })
        .await
    }
}

async fn one(db: &mut Db, name: &str) -> Result<Consumer, StoreError> {
    let select = AssertSqlSafe(format!("SELECT {CONSUMER} FROM consumers WHERE name = $1"));
    let found = first!(db, select, name);
    found.as_ref().map(consumer_of).transpose()?.ok_or(StoreError::NotFound)
}

fn consumer_of(row: &PgRow) -> Result<Consumer, StoreError> {
    Ok(Consumer {
        name: row.try_get(0)?,
        types: rows::from_json(row.try_get(1)?)?,
        sources: rows::from_json(row.try_get(2)?)?,
        position: rows::count(row, 3)?,
        created_at: rows::time(row, 4)?,
        acked_at: rows::optional_time(row, 5)?,
    })
}
