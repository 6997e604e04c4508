//! Connects to the database, directly or through a pooler that assigns a connection per transaction.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use sqlx::{ConnectOptions as _, postgres::PgConnectOptions};

use super::Db;

/// Connect timeout.
pub(super) const CONNECT_MAX: Duration = Duration::from_secs(5);
/// Prepared statements cached per connection.
const STATEMENTS: usize = 256;
/// A startup parameter of ours: only PostgreSQL itself accepts it, poolers don't pass it on.
const DIRECT: &str = "gancho.direct";

/// Whether connections cache prepared statements. Behind a pooler they can't: the next transaction may use another
/// connection. All stores of a process use the same database.
static KEEPS_STATEMENTS: AtomicBool = AtomicBool::new(true);

/// Whether connections keep prepared statements.
pub(super) fn keeps_statements() -> bool {
    KEEPS_STATEMENTS.load(Ordering::Relaxed)
}

/// Connects for the first time and detects a pooler; returns the address for later connections.
pub(super) async fn connect_first(address: &PgConnectOptions) -> Result<(Db, PgConnectOptions), sqlx::Error> {
    // Poolers refuse or drop unknown parameters.
    let address = address.clone().extra_float_digits(None);
    let marked = address.clone().options([(DIRECT, "1")]);
    let is_direct = match connect(&marked).await {
        Ok(mut db) => {
            let select = format!("SELECT current_setting('{DIRECT}', true) IS NOT DISTINCT FROM '1'");
            let select = sqlx::query_scalar(sqlx::AssertSqlSafe(select)).persistent(false);
            select.fetch_one(&mut db).await.unwrap_or(false)
        }
        Err(sqlx::Error::Database(error)) if error.message().contains("startup parameter") => false,
        Err(error) => return Err(error),
    };
    if !is_direct {
        tracing::info!("the database is behind a pooler: statements are prepared anew in each transaction");
        KEEPS_STATEMENTS.store(false, Ordering::Relaxed);
    }
    let address = address.statement_cache_capacity(if is_direct { STATEMENTS } else { 0 });
    Ok((connect(&address).await?, address))
}

/// Connects, with a timeout of five seconds.
pub(super) async fn connect(address: &PgConnectOptions) -> Result<Db, sqlx::Error> {
    let connecting = address.connect();
    tokio::time::timeout(CONNECT_MAX, connecting)
        .await
        .unwrap_or_else(|_| Err(std::io::Error::new(std::io::ErrorKind::TimedOut, "no answer within 5 s").into()))
}
