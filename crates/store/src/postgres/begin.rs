//! How the writer begins transactions.

use std::time::Duration;

use const_format::concatcp;

use crate::StoreError;

/// Timeout of a group. Its connection is dropped then, since the database does not respond: no job takes a tenth of
/// this.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// The writer accesses rows by key. Planner statistics of fast-changing tables must not lead to sequential scans; `jit`
/// is off because the planner then overestimates the cost of statements.
///
/// READ COMMITTED regardless of the database's default: after waiting for a lock, a statement must see what was
/// committed.
///
/// The timeouts end the transaction of a node that hangs between statements or while reading a result, so that it
/// blocks no other node. They are set per transaction: behind a pooler the next one may use another connection.
const GUARDS: &str = "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL idle_in_transaction_session_timeout = '3s'; SET LOCAL tcp_user_timeout = '4s'; \
    SET LOCAL lock_timeout = '4s'; \
    SELECT set_config(name, 'off', true) FROM unnest(ARRAY['enable_hashjoin', 'enable_mergejoin', 'enable_bitmapscan', \
    'enable_seqscan', 'jit']) AS name; ";
/// For work that may be repeated after a crash: the commit does not wait for the flush.
pub(super) const BEGIN: &str = concatcp!(GUARDS, "SET LOCAL synchronous_commit = off");
/// Waits for the flush, also if the database's default is `off`
/// (<https://www.postgresql.org/docs/current/wal-async-commit.html>).
pub(super) const BEGIN_FLUSHED: &str = concatcp!(
    GUARDS,
    "SELECT set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') = 'off'"
);

/// The result of work on the writer's connection, within [`PATIENCE`].
pub(super) async fn in_time<T, E: Into<StoreError>>(work: impl Future<Output = Result<T, E>>) -> Result<T, StoreError> {
    let late = || Err(StoreError::Busy("the database doesn't answer".into()));
    tokio::time::timeout(PATIENCE, work).await.map_or_else(|_| late(), |done| done.map_err(Into::into))
}

#[cfg(test)]
mod tests {
    use gancho_testkit::{Engine, Instance};
    use sqlx::Executor as _;

    use super::{super::connector, BEGIN, BEGIN_FLUSHED};

    /// The value of `synchronous_commit` in transactions that begin like this, with this default.
    async fn commits_as(default: &str, begin: &'static str) -> String {
        let database = Instance::shared(Engine::Postgres).blank().await;
        database.run(&format!("ALTER DATABASE {} SET synchronous_commit = {default}", database.name)).await;
        let mut db = connector::connect(&database.url.parse().expect("an address")).await.expect("connects");
        db.execute(sqlx::raw_sql(begin)).await.expect("begins");
        sqlx::query_scalar("SHOW synchronous_commit").fetch_one(&mut db).await.expect("a value")
    }

    #[tokio::test]
    async fn who_waited_sees_what_was_committed_whatever_the_default_of_the_database() {
        let database = Instance::shared(Engine::Postgres).blank().await;
        let default = "SET default_transaction_isolation = 'serializable'";
        database.run(&format!("ALTER DATABASE {} {default}", database.name)).await;
        for begin in [BEGIN, BEGIN_FLUSHED] {
            let mut db = connector::connect(&database.url.parse().expect("an address")).await.expect("connects");
            db.execute(sqlx::raw_sql(begin)).await.expect("begins");
            let level: String =
                sqlx::query_scalar("SHOW transaction_isolation").fetch_one(&mut db).await.expect("a value");
            assert_eq!(level, "read committed");
        }
    }

    #[tokio::test]
    async fn what_is_committed_is_on_disk_whatever_the_default_of_the_database() {
        assert_eq!(commits_as("off", BEGIN_FLUSHED).await, "on");
        assert_eq!(commits_as("remote_apply", BEGIN_FLUSHED).await, "remote_apply");
        assert_eq!(commits_as("on", BEGIN).await, "off", "what may be done again");
    }
}
