//! Snapshots of polled ERPs.

use async_trait::async_trait;
use gancho_model::{Message, SourceId};
use rusqlite::{Connection, OptionalExtension, params};

use super::{SqliteStore, rows, write_context::WriteContext};
use crate::{RecordSnapshot, SnapshotUpdate, Snapshots, StoreError};

/// Rows forgotten in one transaction.
const FORGET_ROWS: u32 = 2000;

#[async_trait]
impl Snapshots for SqliteStore {
    async fn open_seen(&self, source: SourceId) -> Result<u64, StoreError> {
        self.write_now(true, move |context| {
            let rise = "UPDATE sources SET seen_version = seen_version + 1 WHERE id = ?1 RETURNING seen_version";
            let version: Option<i64> =
                context.db.prepare_cached(rise)?.query_row([source.bytes()], |row| row.get(0)).optional()?;
            version.map(i64::unsigned_abs).ok_or(StoreError::NotFound)
        })
        .await
    }

    async fn seen(&self, source: SourceId, model: &str, keys: Vec<String>) -> Result<Vec<RecordSnapshot>, StoreError> {
        let model = model.to_owned();
        self.read_now(move |db| {
            let select = "SELECT day, record FROM seen WHERE source = ?1 AND model = ?2 AND key = ?3";
            let mut select = db.prepare_cached(select)?;
            let mut seen = vec![];
            for key in keys {
                let mut found = select.query(params![source.bytes(), model, key])?;
                if let Some(row) = found.next()? {
                    let (day, record) = (row.get(0)?, rows::from_json(&row.get::<_, String>(1)?)?);
                    seen.push(RecordSnapshot { key, day, record });
                }
            }
            Ok(seen)
        })
        .await
    }

    async fn seen_keys(
        &self,
        source: SourceId,
        model: &str,
        since: Option<String>,
        after: Option<String>,
        limit: u32,
    ) -> Result<Vec<String>, StoreError> {
        let model = model.to_owned();
        self.read_now(move |db| {
            let after = after.unwrap_or_default();
            let all = "SELECT key FROM seen WHERE source = ?1 AND model = ?2 AND key > ?3 ORDER BY key LIMIT ?4";
            // Through the index by day, which covers the key, not through all records.
            let since_day = "SELECT key FROM seen INDEXED BY seen_by_day WHERE source = ?1 AND model = ?2 AND day >= ?5 \
                AND key > ?3 ORDER BY key LIMIT ?4";
            let key = |row: &rusqlite::Row<'_>| row.get(0);
            let keys: rusqlite::Result<Vec<String>> = match since {
                Some(day) => {
                    let values = params![source.bytes(), model, after, limit, day];
                    db.prepare_cached(since_day)?.query_map(values, key)?.collect()
                }
                None => db.prepare_cached(all)?.query_map(params![source.bytes(), model, after, limit], key)?.collect(),
            };
            Ok(keys?)
        })
        .await
    }

    async fn keep_seen(
        &self,
        source: SourceId,
        version: u64,
        snapshots: Vec<SnapshotUpdate>,
    ) -> Result<(), StoreError> {
        self.write_now(false, move |context| {
            check_version(&context.db, source, version)?;
            keep(&context.db, source, &snapshots)
        })
        .await
    }

    async fn marks(&self, source: SourceId) -> Result<Vec<(String, String)>, StoreError> {
        self.read_now(move |db| {
            let mut select = db.prepare_cached("SELECT name, text FROM marks WHERE source = ?1 ORDER BY name")?;
            let marks = select.query_map([source.bytes()], |row| Ok((row.get(0)?, row.get(1)?)))?;
            Ok(marks.collect::<rusqlite::Result<_>>()?)
        })
        .await
    }

    async fn set_mark(&self, source: SourceId, version: u64, name: &str, text: String) -> Result<(), StoreError> {
        let name = name.to_owned();
        self.write_now(true, move |context| {
            check_version(&context.db, source, version)?;
            let mut set = context.db.prepare_cached("INSERT OR REPLACE INTO marks VALUES (?1, ?2, ?3)")?;
            set.execute(params![source.bytes(), name, text])?;
            Ok(())
        })
        .await
    }

    async fn forget_seen(&self, source: SourceId) -> Result<(), StoreError> {
        // Cursors first: if the process ends half-way, a source with partly deleted records is read from the beginning.
        let marks = "DELETE FROM marks WHERE source = ?1";
        self.write_now(true, move |context| Ok(context.db.execute(marks, [source.bytes()])?)).await?;
        let seen = "DELETE FROM seen WHERE source = ?1 AND (model, key) IN \
            (SELECT model, key FROM seen WHERE source = ?1 LIMIT ?2)";
        // In small transactions: others wait for the writer too.
        let some = move |context: &mut WriteContext| {
            Ok(context.db.prepare_cached(seen)?.execute(params![source.bytes(), FORGET_ROWS])?)
        };
        while self.write_now(false, some).await? > 0 {}
        Ok(())
    }
}

/// Whether nothing else has opened this source since.
pub(super) fn check_version(db: &Connection, source: SourceId, version: u64) -> Result<(), StoreError> {
    let mut select = db.prepare_cached("SELECT seen_version FROM sources WHERE id = ?1")?;
    let known: Option<i64> = select.query_row([source.bytes()], |row| row.get(0)).optional()?;
    match known {
        Some(known) if known.unsigned_abs() == version => Ok(()),
        Some(_) => Err(StoreError::Conflict(Message::new("conflict-asked"))),
        None => Err(StoreError::NotFound),
    }
}

/// Stores snapshots of records.
pub(super) fn keep(db: &Connection, source: SourceId, snapshots: &[SnapshotUpdate]) -> Result<(), StoreError> {
    for SnapshotUpdate { model, key, seen } in snapshots {
        match seen {
            Some(seen) => {
                let keep = "INSERT OR REPLACE INTO seen VALUES (?1, ?2, ?3, ?4, ?5)";
                let record = rows::to_json(&seen.record);
                db.prepare_cached(keep)?.execute(params![source.bytes(), model, key, seen.day, record])?
            }
            None => {
                let forget = "DELETE FROM seen WHERE source = ?1 AND model = ?2 AND key = ?3";
                db.prepare_cached(forget)?.execute(params![source.bytes(), model, key])?
            }
        };
    }
    Ok(())
}
