//! The audit log and sent alerts.

use async_trait::async_trait;
use gancho_model::{AuditEntry, Timestamp};
use sqlx::{AssertSqlSafe, Row as _};

use super::{PostgresStore, rows};
use crate::{History, Page, StoreError};

#[async_trait]
impl History for PostgresStore {
    async fn note(&self, entry: AuditEntry) -> Result<(), StoreError> {
        self.write(true, async move |context| {
            let insert = "INSERT INTO history (at, who, action, object, name, details) VALUES ($1, $2, $3, $4, $5, $6)";
            let texts = [&entry.who, &entry.action, &entry.object, &entry.name].map(|text| rows::storable(text));
            let [who, action, object, name] = texts;
            let details = rows::to_json(&entry.details);
            run!(&mut context.db, insert, entry.at.ms(), who, action, object, name, details);
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
        let condition = if object.is_some() { "object = $2" } else { "$2::text IS NULL" };
        let select = format!(
            "SELECT n, at, who, action, object, name, details FROM history WHERE n < $1 AND {condition} \
             ORDER BY n DESC LIMIT $3"
        );
        let mut db = self.read().await?;
        let (mut items, mut last) = (vec![], 0);
        for row in all!(db, AssertSqlSafe(select), before, object, limit as i64 + 1) {
            if items.len() == limit {
                return Ok(Page { items, next: Some(last) });
            }
            last = rows::count(&row, 0)?;
            items.push(AuditEntry {
                at: rows::time(&row, 1)?,
                who: row.try_get(2)?,
                action: row.try_get(3)?,
                object: row.try_get(4)?,
                name: row.try_get(5)?,
                details: rows::from_json(row.try_get(6)?)?,
            });
        }
        Ok(Page { items, next: None })
    }

    async fn alert_state(&self, object: &str) -> Result<Option<String>, StoreError> {
        let mut db = self.read().await?;
        Ok(scalar!(db, String, "SELECT told FROM notices WHERE object = $1", object))
    }

    async fn set_alert_state(
        &self,
        object: &str,
        known: Option<String>,
        new: Option<String>,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        let object = object.to_owned();
        self.write(true, async move |context| {
            // Of several nodes, the first writer sends the alert.
            let done = match (&known, &new) {
                (None, None) => {
                    let select = "SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM notices WHERE object = $1)";
                    run!(&mut context.db, select, &object)
                }
                (None, Some(new)) => {
                    let insert = "INSERT INTO notices (object, told, at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
                    run!(&mut context.db, insert, &object, new, at.ms())
                }
                (Some(known), Some(new)) => {
                    let update = "UPDATE notices SET told = $2, at = $3 WHERE object = $1 AND told = $4";
                    run!(&mut context.db, update, &object, new, at.ms(), known)
                }
                (Some(known), None) => {
                    run!(&mut context.db, "DELETE FROM notices WHERE object = $1 AND told = $2", &object, known)
                }
            };
            Ok(done == 1)
        })
        .await
    }
}
