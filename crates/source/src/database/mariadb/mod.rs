//! MariaDB: no one wakes us, so it is looked at now and then.

mod schema;
mod sql;

use std::collections::BTreeMap;

use async_trait::async_trait;
use gancho_model::{Finding, Operation, Record};
use sqlx::{AssertSqlSafe, ConnectOptions, Row, mysql::MySqlConnection, mysql::MySqlRow};

use super::{
    Address, OUTBOX,
    burst::OutboxRow,
    erp::{Erp, ErpError, Look, Part, quoted},
    schema::Schema,
    watch::{Plan, Watched},
};

/// How often a quiet outbox is looked at, milliseconds: with the pause that ends an act, an event
/// comes in within a second.
const IDLE_MS: u64 = 400;
/// How long our own changes of tables wait for the ERP's locks: while they wait, it waits behind them.
const LOCK_WAIT: &str = "SET SESSION lock_wait_timeout = 1";

pub(super) struct MariaDb {
    connection: MySqlConnection,
    /// Whether we may see all connections and their transactions (the right PROCESS).
    sees_all: bool,
}

impl MariaDb {
    pub async fn connect(address: &Address) -> Result<Self, ErpError> {
        let options = address.mariadb().map_err(ErpError::Unreachable)?.disable_statement_logging();
        let mut connection = options.connect().await.map_err(unreachable)?;
        // Nothing of ours is locked beyond the rows of our own outbox, and not for longer than a statement.
        for statement in
            ["SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED", "SET SESSION autocommit = 1", LOCK_WAIT]
        {
            sqlx::raw_sql(statement).execute(&mut connection).await.map_err(failed)?;
        }
        let transactions = sqlx::query("SELECT 1 FROM information_schema.INNODB_TRX LIMIT 1");
        let sees_all = transactions.fetch_optional(&mut connection).await.is_ok();
        Ok(Self { connection, sees_all })
    }

    async fn one_text(&mut self, select: &'static str) -> Result<String, ErpError> {
        sqlx::query_scalar(select).fetch_one(&mut self.connection).await.map_err(failed)
    }
}

#[async_trait]
impl Erp for MariaDb {
    async fn schema(&mut self) -> Result<Schema, ErpError> {
        schema::read(&mut self.connection).await
    }

    fn parts(&self, plan: &Plan) -> Vec<Part> {
        sql::parts(plan)
    }

    async fn installed(&mut self) -> Result<BTreeMap<String, String>, ErpError> {
        schema::installed(&mut self.connection).await
    }

    fn drop_of(&self, name: &str) -> String {
        sql::drop_of(name)
    }

    async fn alter(&mut self, statement: &str) -> Result<(), ErpError> {
        let run = sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut self.connection).await;
        run.map(drop).map_err(failed)
    }

    async fn look(&mut self, limit: u32) -> Result<Look, ErpError> {
        let (busy, gone) = match self.sees_all {
            true => (
                "conn IN (SELECT trx_mysql_thread_id FROM information_schema.INNODB_TRX)",
                "conn NOT IN (SELECT ID FROM information_schema.PROCESSLIST)",
            ),
            false => ("0", "0"),
        };
        let epoch = "TIMESTAMPDIFF(MICROSECOND, '1970-01-01 00:00:00', ";
        let select = format!(
            "SELECT CAST(id AS SIGNED) AS id, mark, {epoch} at) DIV 1000 AS at_ms, {epoch} UTC_TIMESTAMP(6)) DIV 1000 AS now_ms, \
             source, op, old_row, new_row, secrets, {busy} AS busy, {gone} AS gone FROM {OUTBOX} ORDER BY id LIMIT {limit}"
        );
        let rows = sqlx::query(AssertSqlSafe(select)).fetch_all(&mut self.connection).await.map_err(failed)?;
        let now_ms = rows.first().map(|row| row.try_get("now_ms")).transpose().map_err(failed)?;
        let read: Result<Vec<_>, sqlx::Error> = rows.iter().map(outbox_row).collect();
        Ok(Look { rows: read.map_err(failed)?, now_ms: now_ms.unwrap_or_default() })
    }

    async fn remove(&mut self, ids: &[i64]) -> Result<(), ErpError> {
        for part in ids.chunks(500) {
            let list = part.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
            let delete = format!("DELETE FROM {OUTBOX} WHERE id IN ({list})");
            sqlx::raw_sql(AssertSqlSafe(delete)).execute(&mut self.connection).await.map_err(failed)?;
        }
        Ok(())
    }

    async fn backlog(&mut self) -> Result<u64, ErpError> {
        let count = sqlx::query_scalar::<_, i64>("SELECT COUNT(*) FROM gancho_outbox");
        count.fetch_one(&mut self.connection).await.map(i64::unsigned_abs).map_err(failed)
    }

    async fn lost(&mut self) -> Result<u64, ErpError> {
        let next = sqlx::query_scalar::<_, i64>("SELECT next_not_cached_value FROM gancho_lost");
        let next = next.fetch_one(&mut self.connection).await.map_err(failed)?;
        Ok(next.saturating_sub(1).unsigned_abs())
    }

    async fn records(&mut self, table: &Watched, which: Option<(&str, &[String])>) -> Result<Vec<Record>, ErpError> {
        let (object, from) = (sql::object(table, "t", None), quoted(&table.table, '`'));
        let (condition, values) = match which {
            Some((column, values)) => {
                let marks = vec!["?"; values.len()].join(", ");
                (format!("t.{} IN ({marks})", quoted(column, '`')), values)
            }
            None => ("1".into(), &[][..]),
        };
        let select = format!("SELECT {object} FROM {from} AS t WHERE {condition}");
        let mut query = sqlx::query_scalar::<_, String>(AssertSqlSafe(select));
        for value in values {
            query = query.bind(value);
        }
        let rows = query.fetch_all(&mut self.connection).await.map_err(failed)?;
        rows.iter().map(|row| record(row).ok_or_else(|| ErpError::Failed("a row that can't be read".into()))).collect()
    }

    async fn facts(&mut self) -> Result<Vec<Finding>, ErpError> {
        let version = self.one_text("SELECT VERSION()").await?;
        let user = self.one_text("SELECT CURRENT_USER()").await?;
        let mut found = vec![Finding::good("connection", format!("MariaDB {version}, as {user}"))];
        if !version.contains("MariaDB") {
            found.push(Finding::bad("engine", "this is MySQL: Gancho's triggers need MariaDB 10.3 or newer"));
        }
        let seen = match self.sees_all {
            true => Finding::good("PROCESS", "the ERP's transactions can be seen: no act is told before it has ended"),
            false => Finding::good(
                "PROCESS",
                "not granted: an act is taken to have ended after 0.3 s of quiet; GRANT PROCESS ON *.* makes it certain",
            ),
        };
        found.push(seen);
        Ok(found)
    }

    async fn rung(&mut self) {
        std::future::pending::<()>().await;
    }

    fn idle_ms(&self) -> u64 {
        IDLE_MS
    }
}

fn outbox_row(row: &MySqlRow) -> Result<OutboxRow, sqlx::Error> {
    let json = |name| row.try_get::<Option<String>, _>(name).map(|text| text.and_then(|text| record(&text)));
    let op: String = row.try_get("op")?;
    let secrets: Option<String> = row.try_get("secrets")?;
    Ok(OutboxRow {
        id: row.try_get("id")?,
        mark: row.try_get("mark")?,
        transaction: None,
        at_ms: row.try_get("at_ms")?,
        table: row.try_get("source")?,
        operation: operation(&op),
        before: json("old_row")?,
        after: json("new_row")?,
        secrets: secrets.iter().flat_map(|names| names.split_whitespace()).map(ToOwned::to_owned).collect(),
        busy: row.try_get::<i64, _>("busy").or_else(|_| row.try_get::<i32, _>("busy").map(i64::from))? != 0,
        gone: row.try_get::<i64, _>("gone").or_else(|_| row.try_get::<i32, _>("gone").map(i64::from))? != 0,
    })
}

pub(super) fn operation(letter: &str) -> Operation {
    match letter {
        "I" => Operation::Insert,
        "D" => Operation::Delete,
        _ => Operation::Update,
    }
}

pub(super) fn record(text: &str) -> Option<Record> {
    serde_json::from_str(text).ok()
}

fn unreachable(error: sqlx::Error) -> ErpError {
    ErpError::Unreachable(match &error {
        sqlx::Error::Database(said) => said.message().to_owned(),
        other => other.to_string(),
    })
}

/// Numbers are MariaDB's: <https://mariadb.com/kb/en/mariadb-error-code-reference/>.
fn failed(error: sqlx::Error) -> ErpError {
    let sqlx::Error::Database(said) = &error else { return ErpError::Unreachable(error.to_string()) };
    let message = said.message().to_owned();
    match said.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>().map(sqlx::mysql::MySqlDatabaseError::number) {
        Some(1205) => ErpError::Locked(message),
        Some(1044 | 1045 | 1142 | 1143 | 1227) => ErpError::Denied(message),
        Some(1419) => ErpError::Denied(
            "binary logging is on: ask the administrator for SET GLOBAL log_bin_trust_function_creators = 1".into(),
        ),
        Some(1146 | 4091) => ErpError::Missing(message),
        _ => ErpError::Failed(message),
    }
}
