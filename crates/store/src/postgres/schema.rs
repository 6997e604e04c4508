//! Bringing the schema up to date.

use sqlx::Connection as _;

use super::{Db, OpenError};
use crate::vault::Vault;

/// One file a step; a step that was released is never changed.
const MIGRATIONS: &[&str] = &[include_str!("migrations/001.sql"), include_str!("migrations/002.sql")];

/// Only one node changes the schema at a time: `ganc`.
const LOCK: i64 = 0x6761_6e63;

pub(super) async fn migrate(db: &mut Db, vault: &Vault) -> Result<(), OpenError> {
    let known = MIGRATIONS.len() as i64;
    let mut transaction = db.begin().await?;
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
    sqlx::raw_sql("DELETE FROM gancho_schema").execute(&mut *transaction).await?;
    run!(transaction, "INSERT INTO gancho_schema VALUES ($1)", known);
    let insert = "INSERT INTO about VALUES ('key_fingerprint', $1) ON CONFLICT DO NOTHING";
    run!(transaction, insert, vault.fingerprint());
    let right = scalar!(transaction, String, "SELECT value FROM about WHERE name = 'key_fingerprint'");
    if right.is_none_or(|right| right != vault.fingerprint()) {
        return Err(OpenError::WrongKey);
    }
    Ok(transaction.commit().await?)
}
