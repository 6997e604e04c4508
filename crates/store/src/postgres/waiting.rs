//! Pending deliveries per endpoint. Each commit appends its changes; they are merged periodically.

use std::{sync::Weak, time::Duration};

use const_format::formatcp;
use sqlx::{Connection as _, PgPool};

use super::{Db, rows::PENDING};
use crate::StoreError;

/// Interval between merges.
const COUNT_EVERY: Duration = Duration::from_secs(2);

/// The merge must see what was committed before it reads; a node that hangs meanwhile must not block others.
const GUARDS: &str = "SET TRANSACTION ISOLATION LEVEL READ COMMITTED; SET LOCAL idle_in_transaction_session_timeout = '3s'; \
    SET LOCAL tcp_user_timeout = '4s'; SET LOCAL lock_timeout = '4s'";

/// Pending deliveries per endpoint: `endpoint` and `count`.
pub(super) const WAITING: &str = "SELECT endpoint, sum(count)::bigint AS count FROM (SELECT endpoint, count FROM waiting \
    UNION ALL SELECT endpoint, more FROM waiting_changes WHERE made_in >= (SELECT value FROM meta WHERE name = 'waiting_counted')) \
    AS known GROUP BY endpoint";

/// Appends the current transaction's changes per endpoint.
pub(super) async fn add_changes(db: &mut Db, endpoints: Vec<i64>, more: Vec<i64>) -> Result<(), StoreError> {
    if !endpoints.is_empty() {
        let insert = "INSERT INTO waiting_changes (endpoint, more) SELECT * FROM unnest($1::bigint[], $2::bigint[])";
        run!(db, insert, endpoints, more);
    }
    Ok(())
}

/// Committed pending deliveries of one endpoint.
pub(super) async fn count_waiting(db: &mut Db, endpoint: i64) -> Result<i64, StoreError> {
    let select = formatcp!("SELECT count FROM ({WAITING}) AS w WHERE endpoint = $1");
    Ok(scalar!(db, i64, select, endpoint).unwrap_or_default())
}

/// Merges changes periodically while the store exists.
pub(super) async fn count_regularly<T>(store: Weak<T>, readers: PgPool) {
    while store.strong_count() > 0 {
        tokio::time::sleep(COUNT_EVERY).await;
        if let Err(error) = count_changes(&readers).await {
            tracing::debug!(%error, "backlog counts can't be merged now; retrying");
        }
    }
}

/// Merges and removes the changes of all ended transactions. Open transactions have higher ids, so none of their
/// changes is missed. Does nothing if another node is merging.
async fn count_changes(readers: &PgPool) -> Result<(), sqlx::Error> {
    let mut transaction = readers.begin().await?;
    sqlx::raw_sql(GUARDS).execute(&mut *transaction).await?;
    count_if_copied(&mut transaction).await?;
    let any = "SELECT EXISTS (SELECT 1 FROM waiting_changes \
        WHERE made_in >= (SELECT value FROM meta WHERE name = 'waiting_counted'))";
    if scalar!(transaction, bool, any) != Some(true) {
        return transaction.commit().await;
    }
    let from = "SELECT value FROM meta WHERE name = 'waiting_counted' FOR UPDATE SKIP LOCKED";
    let Some(from) = scalar!(transaction, i64, from) else { return Ok(()) };
    let until = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint";
    let until = scalar!(transaction, i64, until).unwrap_or(from);
    // From where the last merge ended: rows removed before may still be there because of an old snapshot.
    let count = "WITH ended AS (DELETE FROM waiting_changes WHERE made_in >= $1 AND made_in < $2 RETURNING endpoint, more) \
        INSERT INTO waiting (endpoint, count) SELECT endpoint, sum(more) FROM ended GROUP BY endpoint ORDER BY endpoint \
        ON CONFLICT (endpoint) DO UPDATE SET count = waiting.count + excluded.count";
    if run!(transaction, count, from, until) > 0 {
        run!(transaction, "UPDATE meta SET value = $1 WHERE name = 'waiting_counted'", until);
    }
    transaction.commit().await
}

/// Recounts everything if transaction ids restarted, as in a dump restored into another server, possibly while nodes
/// are running.
pub(super) async fn count_if_copied(db: &mut Db) -> Result<(), sqlx::Error> {
    let is_copied =
        "SELECT value > pg_snapshot_xmax(pg_current_snapshot())::text::bigint FROM meta WHERE name = 'waiting_counted'";
    if scalar!(db, bool, is_copied) == Some(true) { count_anew(db).await } else { Ok(()) }
}

/// Recounts everything. Deliveries must not change meanwhile.
pub(super) async fn count_anew(db: &mut Db) -> Result<(), sqlx::Error> {
    const COUNT: &str = formatcp!(
        "LOCK TABLE deliveries IN SHARE ROW EXCLUSIVE MODE; DELETE FROM waiting_changes; DELETE FROM waiting; \
        UPDATE meta SET value = 0 WHERE name = 'waiting_counted'; \
        INSERT INTO waiting SELECT endpoint, count(*) FROM deliveries WHERE state = {PENDING} GROUP BY endpoint"
    );
    let mut transaction = db.begin().await?;
    sqlx::raw_sql(COUNT).execute(&mut *transaction).await?;
    transaction.commit().await
}

#[cfg(test)]
mod tests {
    use gancho_testkit::{Database, Engine, Instance};
    use sqlx::{Connection as _, PgConnection, PgPool};

    use super::{WAITING, count_changes};
    use crate::{postgres::schema, vault::Vault};

    async fn migrated() -> (Database, PgPool) {
        let database = Instance::shared(Engine::Postgres).blank().await;
        let mut db = PgConnection::connect(&database.url).await.expect("connects");
        schema::migrate(&mut db, &Vault::new(&[1; 32])).await.expect("makes the tables");
        let pool = PgPool::connect(&database.url).await.expect("connects");
        (database, pool)
    }

    async fn waiting(database: &Database) -> i64 {
        database.number(&format!("SELECT coalesce(sum(count), 0)::bigint FROM ({WAITING}) AS w")).await
    }

    #[tokio::test]
    async fn what_an_open_transaction_changes_is_counted_when_it_has_ended() {
        let (database, pool) = migrated().await;
        let (mut open, mut undone) = (database.client().await, database.client().await);
        open.run("BEGIN; INSERT INTO waiting_changes (endpoint, more) VALUES (1, 5)").await;
        undone.run("BEGIN; INSERT INTO waiting_changes (endpoint, more) VALUES (1, 70)").await;
        for _ in 0..3 {
            database.run("INSERT INTO waiting_changes (endpoint, more) VALUES (1, 1)").await;
            count_changes(&pool).await.expect("counts");
        }
        assert_eq!(waiting(&database).await, 3);
        undone.run("ROLLBACK").await;
        open.run("COMMIT").await;
        assert_eq!(waiting(&database).await, 8);
        database.run("INSERT INTO waiting_changes (endpoint, more) VALUES (1, -2)").await;
        count_changes(&pool).await.expect("counts");
        assert_eq!(waiting(&database).await, 6);
        assert_eq!(database.number("SELECT count(*) FROM waiting_changes").await, 0);
    }

    #[tokio::test]
    async fn two_nodes_that_count_at_once_count_nothing_twice() {
        let (database, pool) = migrated().await;
        for _ in 0..20 {
            database.run("INSERT INTO waiting_changes (endpoint, more) VALUES (1, 1), (2, 1)").await;
            let (one, other) = tokio::join!(count_changes(&pool), count_changes(&pool));
            one.and(other).expect("count");
        }
        assert_eq!(waiting(&database).await, 40);
    }

    #[tokio::test]
    async fn in_a_server_whose_transactions_have_lower_numbers_all_is_counted_anew() {
        let (database, _pool) = migrated().await;
        database
            .run(
                "UPDATE meta SET value = 1000000000000 WHERE name = 'waiting_counted'; INSERT INTO waiting VALUES (1, 9); \
                CREATE TABLE deliveries_day_1 PARTITION OF deliveries DEFAULT; \
                INSERT INTO deliveries (n, id, event, endpoint, state, lane, attempts, max_attempts, created_at) \
                VALUES (1, '\\x11', 1, 1, 1, 0, 1, 6, 0), (2, '\\x12', 2, 1, 0, 0, 0, 6, 0)",
            )
            .await;
        let mut db = PgConnection::connect(&database.url).await.expect("connects");
        schema::migrate(&mut db, &Vault::new(&[1; 32])).await.expect("opens");
        assert_eq!(waiting(&database).await, 1);
        database.run("INSERT INTO waiting_changes (endpoint, more) VALUES (1, 1)").await;
        assert_eq!(waiting(&database).await, 2);
    }
}
