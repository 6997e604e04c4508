//! Connecting, and bringing the schema up to date.

use std::time::Duration;

use sqlx::{ConnectOptions as _, Connection as _, postgres::PgConnectOptions};

use super::{Db, OpenError};
use crate::vault::Vault;

/// One file a step; a step that was released is never changed.
const MIGRATIONS: &[&str] = &[include_str!("migrations/001.sql"), include_str!("migrations/002.sql")];

/// Only one node changes the schema at a time: `ganc`.
const LOCK: i64 = 0x6761_6e63;

/// A node that hangs within a transaction loses it, and holds nobody up: neither between two statements nor while it should
/// read an answer. What is committed is on disk, also where the database's own default says otherwise
/// (<https://www.postgresql.org/docs/current/wal-async-commit.html>).
const SESSION: &str = "SET idle_in_transaction_session_timeout = '3s'; SET tcp_user_timeout = '4s'; SET lock_timeout = '4s'; \
    SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'";

/// How long it may take to connect.
pub(super) const CONNECT_MAX: Duration = Duration::from_secs(5);

/// Connects, the way that whoever writes needs it.
pub(super) async fn connect(address: &PgConnectOptions) -> Result<Db, sqlx::Error> {
    let address = address.clone().application_name("gancho writer").statement_cache_capacity(256);
    let connecting = async {
        let mut db = address.connect().await?;
        sqlx::raw_sql(SESSION).execute(&mut db).await?;
        Ok(db)
    };
    tokio::time::timeout(CONNECT_MAX, connecting)
        .await
        .unwrap_or_else(|_| Err(std::io::Error::new(std::io::ErrorKind::TimedOut, "no answer within 5 s").into()))
}

pub(super) async fn migrate(db: &mut Db, vault: &Vault) -> Result<(), OpenError> {
    let known = MIGRATIONS.len() as i64;
    let mut transaction = db.begin().await?;
    sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(LOCK).execute(&mut *transaction).await?;
    sqlx::raw_sql("CREATE TABLE IF NOT EXISTS gancho_schema (version bigint NOT NULL)")
        .execute(&mut *transaction)
        .await?;
    let found: Option<i64> =
        sqlx::query_scalar("SELECT version FROM gancho_schema").fetch_optional(&mut *transaction).await?;
    let found = found.unwrap_or(0);
    if found > known {
        return Err(OpenError::Newer { found, known });
    }
    for step in &MIGRATIONS[usize::try_from(found).unwrap_or(0)..] {
        sqlx::raw_sql(*step).execute(&mut *transaction).await?;
    }
    sqlx::raw_sql("DELETE FROM gancho_schema").execute(&mut *transaction).await?;
    sqlx::query("INSERT INTO gancho_schema VALUES ($1)").bind(known).execute(&mut *transaction).await?;
    let insert = "INSERT INTO about VALUES ('key_fingerprint', $1) ON CONFLICT DO NOTHING";
    sqlx::query(insert).bind(vault.fingerprint()).execute(&mut *transaction).await?;
    let right: String = sqlx::query_scalar("SELECT value FROM about WHERE name = 'key_fingerprint'")
        .fetch_one(&mut *transaction)
        .await?;
    if right != vault.fingerprint() {
        return Err(OpenError::WrongKey);
    }
    Ok(transaction.commit().await?)
}

#[cfg(test)]
mod tests {
    use gancho_testkit::{Engine, Instance};

    use super::connect;

    async fn commits_as(default: &str) -> String {
        let database = Instance::shared(Engine::Postgres).blank().await;
        database.run(&format!("ALTER DATABASE {} SET synchronous_commit = {default}", database.name)).await;
        let mut db = connect(&database.url.parse().expect("an address")).await.expect("connects");
        sqlx::query_scalar("SHOW synchronous_commit").fetch_one(&mut db).await.expect("a value")
    }

    #[tokio::test]
    async fn what_is_committed_is_on_disk_whatever_the_default_of_the_database() {
        assert_eq!(commits_as("off").await, "on");
        assert_eq!(commits_as("remote_apply").await, "remote_apply");
    }
}
