//! Causes of gradual slowdown in PostgreSQL: dead rows, and transactions that keep them from being removed.

use gancho_model::Timestamp;
use sqlx::Row as _;

use super::{Db, rows};
use crate::{DeadRows, OldSnapshot, StoreError, Vitals};

pub(super) async fn look(db: &mut Db) -> Result<Vitals, StoreError> {
    // Partitions count for their parent table.
    let select = "SELECT coalesce(i.inhparent::regclass::text, s.relname::text) AS name, sum(s.n_live_tup)::bigint, \
        sum(s.n_dead_tup)::bigint FROM pg_stat_user_tables s LEFT JOIN pg_inherits i ON i.inhrelid = s.relid \
        WHERE s.schemaname = current_schema() GROUP BY name ORDER BY name";
    let mut dead_rows = vec![];
    for row in all!(db, select) {
        dead_rows.push(DeadRows { table: row.try_get(0)?, live: rows::count(&row, 1)?, dead: rows::count(&row, 2)? });
    }
    // Without the role pg_read_all_stats, other accounts' connections show only that they exist.
    let select = "SELECT coalesce(nullif(application_name, ''), usename::text, 'somebody') || ', process ' || pid, \
        extract(epoch FROM clock_timestamp() - xact_start)::bigint FROM pg_stat_activity \
        WHERE datname = current_database() AND backend_xmin IS NOT NULL AND pid <> pg_backend_pid() \
        AND xact_start IS NOT NULL ORDER BY xact_start LIMIT 1";
    let oldest = match first!(db, select) {
        Some(row) => Some(OldSnapshot { who: row.try_get(0)?, age_s: rows::count(&row, 1)? }),
        None => None,
    };
    let now = scalar!(db, i64, "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint").map(Timestamp::from_ms);
    Ok(Vitals { dead_rows, oldest, now })
}

#[cfg(test)]
mod tests {
    use gancho_testkit::{Engine, Instance};
    use sqlx::Connection as _;

    #[tokio::test]
    async fn who_keeps_rows_from_being_removed_is_named() {
        let database = Instance::shared(Engine::Postgres).blank().await;
        let mut db = sqlx::PgConnection::connect(&database.url).await.expect("connects");
        assert_eq!(super::look(&mut db).await.expect("looks").oldest, None);
        let mut holder = database.client().await;
        holder.run("SET application_name = 'forgotten'; CREATE TABLE things (n int)").await;
        holder.run("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT * FROM things").await;
        let vitals = super::look(&mut db).await.expect("looks");
        assert!(vitals.oldest.is_some_and(|oldest| oldest.who.starts_with("forgotten, process ")));
        assert_eq!(vitals.dead_rows.iter().map(|one| one.table.as_str()).collect::<Vec<_>>(), ["things"]);
        holder.run("ROLLBACK").await;
        assert_eq!(super::look(&mut db).await.expect("looks").oldest, None);
        holder.close().await;
    }
}
