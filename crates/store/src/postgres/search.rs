//! Search: a folded text of each event beside the log, with substring matching. Any node may extend the index; an event
//! indexed by two nodes is stored once.

use async_trait::async_trait;
use gancho_model::{Event, fold};
use sqlx::AssertSqlSafe;

use super::{PostgresStore, connector, rows};
use crate::{Search, SearchHits, StoreError};

/// A LIKE pattern for a substring.
fn like(part: &str) -> String {
    let mut pattern = String::from("%");
    for letter in fold(&rows::storable(part)).chars() {
        if matches!(letter, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    pattern.push('%');
    pattern
}

#[async_trait]
impl Search for PostgresStore {
    async fn unindexed(&self, limit: usize) -> Result<Vec<Event>, StoreError> {
        let mut db = self.read_now().await?;
        let select = format!(
            "SELECT {} FROM events WHERE n > (SELECT value FROM meta WHERE name = 'searched') ORDER BY n LIMIT $1",
            rows::EVENT
        );
        all!(db, AssertSqlSafe(select), limit as i64).iter().map(rows::event).collect()
    }

    async fn index(&self, texts: Vec<(u64, String)>) -> Result<(), StoreError> {
        let Some(last) = texts.last().map(|(n, _)| n.cast_signed()) else { return Ok(()) };
        let found = texts.iter().filter(|(_, text)| !text.is_empty());
        let (numbers, folded): (Vec<i64>, Vec<String>) =
            found.map(|(n, text)| (n.cast_signed(), fold(&rows::storable(text)))).unzip();
        self.write_now(false, async move |context| {
            let insert = "INSERT INTO searched SELECT w.n, e.arrived_at, w.text FROM unnest($1::bigint[], $2::text[]) \
                AS w (n, text) JOIN events e ON e.n = w.n ON CONFLICT (n, arrived_at) DO UPDATE SET text = excluded.text";
            run!(&mut context.db, insert, &numbers, &folded);
            let progress = "UPDATE meta SET value = greatest(value, $1) WHERE name = 'searched'";
            run!(&mut context.db, progress, last);
            Ok(())
        })
        .await
    }

    async fn search(&self, parts: Vec<String>, limit: usize) -> Result<SearchHits, StoreError> {
        let mut db = self.read_now().await?;
        // One condition per part, so that each uses the index.
        let conditions: Vec<String> = (0..parts.len()).map(|place| format!("text LIKE ${}", place + 2)).collect();
        let select = format!(
            "SELECT {} FROM events WHERE (n, arrived_at) IN \
            (SELECT n, arrived_at FROM searched WHERE {} ORDER BY n DESC LIMIT $1) ORDER BY n DESC",
            rows::EVENT,
            if conditions.is_empty() { "true".to_owned() } else { conditions.join(" AND ") },
        );
        let query = sqlx::query(AssertSqlSafe(select)).persistent(connector::keeps_statements()).bind(limit as i64);
        let query = parts.iter().fold(query, |query, part| query.bind(like(part)));
        let found = query.fetch_all(&mut *db).await?;
        let events = found.iter().map(rows::event).collect::<Result<_, StoreError>>()?;
        let searched = scalar!(db, i64, "SELECT value FROM meta WHERE name = 'searched'").unwrap_or(0);
        Ok(SearchHits { events, indexed_to: searched.unsigned_abs() })
    }
}
