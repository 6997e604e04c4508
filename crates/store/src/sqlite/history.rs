//! The audit log and sent alerts.

use async_trait::async_trait;
use gancho_model::{AuditEntry, Timestamp};
use rusqlite::{OptionalExtension, params};

use super::{SqliteStore, rows};
use crate::{History, Page, StoreError};

#[async_trait]
impl History for SqliteStore {
    async fn note(&self, entry: AuditEntry) -> Result<(), StoreError> {
        self.write(true, move |context| {
            let insert = "INSERT INTO history (at, who, action, object, name, details) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
            let details = rows::to_json(&entry.details);
            let values = params![entry.at.ms(), entry.who, entry.action, entry.object, entry.name, details];
            context.db.prepare_cached(insert)?.execute(values)?;
            Ok(())
        })
        .await
    }

    async fn audit_entries(
        &self,
        object: Option<String>,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Page<AuditEntry, u64>, StoreError> {
        let before = before.and_then(|before| i64::try_from(before).ok()).unwrap_or(i64::MAX);
        self.read(move |db| {
            let condition = if object.is_some() { "object = ?2" } else { "?2 IS NULL" };
            let select = format!(
                "SELECT n, at, who, action, object, name, details FROM history WHERE n < ?1 AND {condition} \
                 ORDER BY n DESC LIMIT ?3"
            );
            let mut select = db.prepare_cached(&select)?;
            let mut found = select.query(params![before, object, limit as i64 + 1])?;
            let (mut items, mut last) = (vec![], 0);
            while let Some(row) = found.next()? {
                if items.len() == limit {
                    return Ok(Page { items, next: Some(last) });
                }
                last = row.get::<_, i64>(0)?.unsigned_abs();
                items.push(AuditEntry {
                    at: Timestamp::from_ms(row.get(1)?),
                    who: row.get(2)?,
                    action: row.get(3)?,
                    object: row.get(4)?,
                    name: row.get(5)?,
                    details: rows::from_json(&row.get::<_, String>(6)?)?,
                });
            }
            Ok(Page { items, next: None })
        })
        .await
    }

    async fn alert_state(&self, object: &str) -> Result<Option<String>, StoreError> {
        let object = object.to_owned();
        self.read(move |db| {
            let select = "SELECT told FROM notices WHERE object = ?1";
            Ok(db.query_row(select, [object], |row| row.get(0)).optional()?)
        })
        .await
    }

    async fn set_alert_state(
        &self,
        object: &str,
        known: Option<String>,
        new: Option<String>,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        let object = object.to_owned();
        self.write(true, move |context| {
            let select = "SELECT told FROM notices WHERE object = ?1";
            let found: Option<String> = context.db.query_row(select, [&object], |row| row.get(0)).optional()?;
            if found != known {
                return Ok(false);
            }
            match &new {
                Some(state) => {
                    let upsert = "INSERT INTO notices (object, told, at) VALUES (?1, ?2, ?3) \
                        ON CONFLICT DO UPDATE SET told = ?2, at = ?3";
                    context.db.execute(upsert, params![object, state, at.ms()])?
                }
                None => context.db.execute("DELETE FROM notices WHERE object = ?1", [&object])?,
            };
            Ok(true)
        })
        .await
    }
}
