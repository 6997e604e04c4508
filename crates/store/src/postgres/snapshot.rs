//! Snapshots of polled ERPs.

use async_trait::async_trait;
use gancho_model::{Message, SourceId};
use sqlx::Row as _;

use super::{Db, PostgresStore, rows};
use crate::{RecordSnapshot, SnapshotUpdate, Snapshots, StoreError};

/// Rows forgotten in one transaction.
const FORGET_ROWS: i64 = 2000;

#[async_trait]
impl Snapshots for PostgresStore {
    async fn open_seen(&self, source: SourceId) -> Result<u64, StoreError> {
        self.write_now(true, async move |context| {
            let rise = "UPDATE sources SET seen_version = seen_version + 1 WHERE id = $1 RETURNING seen_version";
            let version = scalar!(&mut context.db, i64, rise, source.bytes().as_slice());
            version.map(i64::unsigned_abs).ok_or(StoreError::NotFound)
        })
        .await
    }

    async fn seen(&self, source: SourceId, model: &str, keys: Vec<String>) -> Result<Vec<RecordSnapshot>, StoreError> {
        let mut db = self.read_now().await?;
        let select = "SELECT w.key, s.day, s.record FROM unnest($3::text[]) WITH ORDINALITY AS w (key, place) \
            JOIN seen s ON s.source = $1 AND s.model = $2 AND s.key = w.key ORDER BY w.place";
        let keys: Vec<String> = keys.iter().map(|key| rows::storable(key)).collect();
        let found = all!(db, select, source.bytes().as_slice(), rows::storable(model), keys);
        let snapshot = |row: &sqlx::postgres::PgRow| {
            Ok(RecordSnapshot { key: row.try_get(0)?, day: row.try_get(1)?, record: rows::from_json(row.try_get(2)?)? })
        };
        found.iter().map(snapshot).collect()
    }

    async fn seen_keys(
        &self,
        source: SourceId,
        model: &str,
        since: Option<String>,
        after: Option<String>,
        limit: u32,
    ) -> Result<Vec<String>, StoreError> {
        let mut db = self.read_now().await?;
        let (source, model, limit) = (source.bytes().as_slice(), rows::storable(model), i64::from(limit));
        let after = after.as_deref().map(rows::storable).unwrap_or_default();
        let all = "SELECT key FROM seen WHERE source = $1 AND model = $2 AND key > $3 ORDER BY key LIMIT $4";
        let since_day =
            "SELECT key FROM seen WHERE source = $1 AND model = $2 AND day >= $5 AND key > $3 ORDER BY key LIMIT $4";
        Ok(match since {
            Some(day) => column!(db, String, since_day, source, model, after, limit, day),
            None => column!(db, String, all, source, model, after, limit),
        })
    }

    async fn keep_seen(
        &self,
        source: SourceId,
        version: u64,
        snapshots: Vec<SnapshotUpdate>,
    ) -> Result<(), StoreError> {
        self.write_now(false, async move |context| {
            check_version(&mut context.db, source, version).await?;
            keep(&mut context.db, source, &snapshots).await
        })
        .await
    }

    async fn marks(&self, source: SourceId) -> Result<Vec<(String, String)>, StoreError> {
        let mut db = self.read_now().await?;
        let select = "SELECT name, text FROM marks WHERE source = $1 ORDER BY name";
        let found = all!(db, select, source.bytes().as_slice());
        found.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
    }

    async fn set_mark(&self, source: SourceId, version: u64, name: &str, text: String) -> Result<(), StoreError> {
        let name = rows::storable(name);
        self.write_now(true, async move |context| {
            check_version(&mut context.db, source, version).await?;
            let upsert = "INSERT INTO marks VALUES ($1, $2, $3) ON CONFLICT (source, name) DO UPDATE SET text = $3";
            run!(&mut context.db, upsert, source.bytes().as_slice(), &name, rows::storable(&text));
            Ok(())
        })
        .await
    }

    async fn forget_seen(&self, source: SourceId) -> Result<(), StoreError> {
        // Cursors first: if the process ends half-way, a source with partly deleted records is read from the beginning.
        self.write_now(true, async move |context| {
            Ok(run!(&mut context.db, "DELETE FROM marks WHERE source = $1", source.bytes().as_slice()))
        })
        .await?;
        // In small transactions: others wait for the writer too.
        let some = async move |context: &mut super::write_context::WriteContext| {
            let seen = "DELETE FROM seen WHERE source = $1 AND (model, key) IN \
                (SELECT model, key FROM seen WHERE source = $1 LIMIT $2)";
            Ok(run!(&mut context.db, seen, source.bytes().as_slice(), FORGET_ROWS))
        };
        while self.write_now(false, some).await? > 0 {}
        Ok(())
    }
}

/// Whether no other node has opened this source since.
pub(super) async fn check_version(db: &mut Db, source: SourceId, version: u64) -> Result<(), StoreError> {
    let select = "SELECT seen_version FROM sources WHERE id = $1 FOR SHARE";
    match scalar!(db, i64, select, source.bytes().as_slice()) {
        Some(known) if known.unsigned_abs() == version => Ok(()),
        Some(_) => Err(StoreError::Conflict(Message::new("conflict-asked"))),
        None => Err(StoreError::NotFound),
    }
}

/// Stores snapshots of records.
pub(super) async fn keep(db: &mut Db, source: SourceId, snapshots: &[SnapshotUpdate]) -> Result<(), StoreError> {
    for SnapshotUpdate { model, key, seen } in snapshots {
        let (source, model, key) = (source.bytes().as_slice(), rows::storable(model), rows::storable(key));
        match seen {
            Some(seen) => {
                let keep = "INSERT INTO seen VALUES ($1, $2, $3, $4, $5) \
                    ON CONFLICT (source, model, key) DO UPDATE SET day = $4, record = $5";
                run!(db, keep, source, model, key, seen.day.as_deref(), rows::to_json(&seen.record))
            }
            None => run!(db, "DELETE FROM seen WHERE source = $1 AND model = $2 AND key = $3", source, model, key),
        };
    }
    Ok(())
}
