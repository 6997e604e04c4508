//! Migrates the schema.

use gancho_model::Timestamp;
use sqlx::Connection as _;

use super::{Db, OpenError, partition::Partitions, waiting};
use crate::vault::Vault;

/// One file per step; released steps never change.
const MIGRATIONS: &[&str] = &[
    include_str!("migrations/001.sql"),
    include_str!("migrations/002.sql"),
    include_str!("migrations/003.sql"),
    include_str!("migrations/004.sql"),
    include_str!("migrations/005.sql"),
];
/// The step that introduced partitions, and the statements that move existing rows into them.
const PARTITIONED: (i64, &str) = (3, include_str!("migrations/003_move.sql"));

/// Advisory lock for migrations: `ganc`.
const LOCK: i64 = 0x6761_6e63;

pub(super) async fn migrate(db: &mut Db, vault: &Vault) -> Result<(), OpenError> {
    let known = MIGRATIONS.len() as i64;
    // Whatever the database's default: who waited for the lock must see what its holder did.
    let mut transaction = db.begin_with("BEGIN ISOLATION LEVEL READ COMMITTED").await?;
    run!(transaction, "SELECT pg_advisory_xact_lock($1)", LOCK);
    sqlx::raw_sql("CREATE TABLE IF NOT EXISTS gancho_schema (version bigint NOT NULL)")
        .execute(&mut *transaction)
        .await?;
    let found = scalar!(transaction, i64, "SELECT version FROM gancho_schema");
    let found = found.unwrap_or(0);
    if found > known {
        return Err(OpenError::Newer { found, known });
    }
    for step in &MIGRATIONS[usize::try_from(found).unwrap_or(0)..] {
        sqlx::raw_sql(*step).execute(&mut *transaction).await?;
    }
    let (step, fill) = PARTITIONED;
    if found < step {
        let last = scalar!(transaction, Option<i64>, "SELECT max(arrived_at) FROM old_events").flatten();
        let covered = Partitions::default().cover(&mut transaction, last.map(Timestamp::from_ms)).await;
        covered.map_err(|error| OpenError::Unusable(error.to_string()))?;
        sqlx::raw_sql(fill).execute(&mut *transaction).await?;
    }
    sqlx::raw_sql("DELETE FROM gancho_schema").execute(&mut *transaction).await?;
    run!(transaction, "INSERT INTO gancho_schema VALUES ($1)", known);
    let insert = "INSERT INTO about VALUES ('key_fingerprint', $1) ON CONFLICT DO NOTHING";
    run!(transaction, insert, vault.fingerprint());
    let right = scalar!(transaction, String, "SELECT value FROM about WHERE name = 'key_fingerprint'");
    if right.is_none_or(|right| right != vault.fingerprint()) {
        return Err(OpenError::WrongKey);
    }
    waiting::count_if_copied(&mut transaction).await?;
    Ok(transaction.commit().await?)
}

#[cfg(test)]
mod tests {
    use gancho_testkit::{Engine, Instance};
    use sqlx::{Connection as _, PgConnection};

    use super::{MIGRATIONS, migrate};
    use crate::vault::Vault;

    #[tokio::test]
    async fn two_that_start_at_once_both_open_it_whatever_the_default_of_the_database() {
        let database = Instance::shared(Engine::Postgres).blank().await;
        let default = "SET default_transaction_isolation = 'repeatable read'";
        database.run(&format!("ALTER DATABASE {} {default}", database.name)).await;
        let vault = Vault::new(&[7; 32]);
        for _ in 0..2 {
            let open = async || {
                let mut db = PgConnection::connect(&database.url).await.expect("connects");
                migrate(&mut db, &vault).await
            };
            let (one, other) = tokio::join!(open(), open());
            one.expect("opens");
            other.expect("opens");
        }
    }

    #[tokio::test]
    async fn what_was_kept_without_partitions_is_moved_into_them() {
        let database = Instance::shared(Engine::Postgres).blank().await;
        database.run(MIGRATIONS[0]).await;
        database.run(MIGRATIONS[1]).await;
        let day = 86_400_000;
        database
            .run(&format!(
                "CREATE TABLE gancho_schema (version bigint NOT NULL); INSERT INTO gancho_schema VALUES (2); \
                INSERT INTO events VALUES (1, '\\x01', 'a.b', 0, {day} * 5 + 7, NULL, NULL, 'F1', 'one'), \
                (2, '\\x02', 'a.b', 0, {day} * 9, NULL, NULL, NULL, 'two'); \
                INSERT INTO deliveries (id, event, endpoint, state, lane, attempts, max_attempts, created_at) \
                VALUES ('\\x11', 1, 1, 1, 0, 1, 6, 0), ('\\x12', 2, 1, 0, 0, 0, 6, 0); \
                INSERT INTO attempts VALUES (1, 1, '{{}}'); INSERT INTO searched VALUES (1, 'f1'); \
                INSERT INTO issues VALUES (1, 0, '', '', 1, 1, 0, 0, 1, NULL)"
            ))
            .await;
        let mut db = PgConnection::connect(&database.url).await.expect("connects");
        migrate(&mut db, &Vault::new(&[1; 32])).await.expect("moves them");
        let (first, second) = ((5_i64 << 40) + 1, (9_i64 << 40) + 2);
        assert_eq!(database.number("SELECT n FROM deliveries WHERE id = '\\x11'").await, first);
        assert_eq!(database.number("SELECT n FROM deliveries WHERE id = '\\x12'").await, second);
        for (table, column) in [("attempts", "delivery"), ("issues", "delivery")] {
            assert_eq!(database.number(&format!("SELECT {column} FROM {table}")).await, first, "{table}");
        }
        assert_eq!(database.number("SELECT count(*) FROM events e JOIN searched s USING (n, arrived_at)").await, 1);
        assert_eq!(database.number("SELECT nextval('delivery_numbers')").await, 3);
    }

    async fn has_index(database: &gancho_testkit::Database) -> bool {
        database.number("SELECT count(*) FROM pg_class WHERE relname = 'searched_by_part'").await == 1
    }

    #[tokio::test]
    async fn an_account_that_may_add_no_extension_searches_without_an_index() {
        let database = Instance::shared(Engine::Postgres).blank().await;
        let account = "CREATE ROLE small LOGIN; GRANT USAGE, CREATE ON SCHEMA public TO small";
        database.run(account).await;
        let mut db = PgConnection::connect(&database.url_as("small", "")).await.expect("connects");
        migrate(&mut db, &Vault::new(&[1; 32])).await.expect("makes the tables");
        assert!(!has_index(&database).await);
        let database = Instance::shared(Engine::Postgres).blank().await;
        let mut db = PgConnection::connect(&database.url).await.expect("connects");
        migrate(&mut db, &Vault::new(&[1; 32])).await.expect("makes the tables");
        assert!(has_index(&database).await);
    }
}
