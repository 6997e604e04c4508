//! MariaDB: it has no notifications, so the outbox is polled.

mod schema;
mod sql;

use std::collections::{BTreeMap, HashSet};

use async_trait::async_trait;
use gancho_model::{Message, Record};
use gancho_service::Finding;
use serde_json::Value;
use sqlx::{AssertSqlSafe, ConnectOptions, Row, mysql::MySqlConnection, mysql::MySqlRow};

use super::{
    Address, OUTBOX,
    backend::{CaptureBackend, ErpError, Lost, OutboxBatch, SchemaObject, operation, quoted, record},
    site::{SetUp, Site},
};
use crate::{
    capture::{CapturePlan, CapturedTable, Schema},
    grouping::{OutboxRow, Transaction, read_origin},
    obstacle::Obstacle,
};

/// Polling interval of a quiet outbox, milliseconds: with the pause that ends a change group, an event arrives within a
/// second.
const IDLE_MS: u64 = 400;
/// Microseconds since 1970 of the time that follows.
const EPOCH: &str = "TIMESTAMPDIFF(MICROSECOND, '1970-01-01 00:00:00',";
const NOW_MS: &str = "TIMESTAMPDIFF(MICROSECOND, '1970-01-01 00:00:00', UTC_TIMESTAMP(6)) DIV 1000";
/// Timeout for DDL that waits for the ERP's locks: meanwhile the ERP's statements queue behind it.
const LOCK_WAIT: &str = "SET SESSION lock_wait_timeout = 1";
/// Triggers keep the `sql_mode` of their creation: the server's own, such as ORACLE, could change their meaning.
const SQL_MODE: &str = "SET SESSION sql_mode = 'STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION'";
const NO_LOCK_WAIT: &str = "SET SESSION lock_wait_timeout = 0";

pub(super) struct MariaDb {
    connection: MySqlConnection,
    /// Whether we may see all connections and their transactions (the PROCESS privilege).
    sees_all: bool,
    /// Our account, `user@host`.
    account: String,
}

impl MariaDb {
    pub async fn connect(address: &Address) -> Result<Self, ErpError> {
        let unreachable = |error: sqlx::Error| address.unreachable(&error);
        let options =
            address.mariadb().map_err(|why| ErpError::Unreachable(Obstacle::Other, why))?.disable_statement_logging();
        let mut connection = options.connect().await.map_err(unreachable)?;
        // We lock only rows of our own outbox, and only for the duration of a statement.
        for statement in [
            "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
            "SET SESSION autocommit = 1",
            LOCK_WAIT,
            SQL_MODE,
        ] {
            sqlx::raw_sql(statement).execute(&mut connection).await.map_err(failed)?;
        }
        let transactions = sqlx::query("SELECT 1 FROM information_schema.INNODB_TRX LIMIT 1");
        let sees_all = transactions.fetch_optional(&mut connection).await.is_ok();
        let account = sqlx::query_scalar("SELECT CURRENT_USER()").fetch_one(&mut connection).await.map_err(failed)?;
        Ok(Self { connection, sees_all, account })
    }

    /// Counts and removes unreadable rows and the markers of changes that triggers could not write.
    async fn count_lost(&mut self, marks: Vec<Mark>) -> Result<(), ErpError> {
        let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
        for mark in &marks {
            *counts.entry(if mark.is_full { FULL } else { &mark.table }).or_default() += 1;
        }
        for (table, count) in counts {
            self.note_lost(table, count).await?;
        }
        self.remove(&marks.iter().map(|mark| mark.id).collect::<Vec<_>>()).await
    }

    async fn present(&mut self, now_ms: i64) -> Result<Present, ErpError> {
        if !self.sees_all {
            return Ok(Present::default());
        }
        let mut ids = async |select: &'static str| -> Result<HashSet<i64>, ErpError> {
            let ids = sqlx::query_scalar::<_, i64>(select).fetch_all(&mut self.connection).await;
            ids.map(|ids| ids.into_iter().collect()).map_err(failed)
        };
        let connected = ids("SELECT CAST(ID AS SIGNED) FROM information_schema.PROCESSLIST").await?;
        let busy = ids("SELECT CAST(trx_mysql_thread_id AS SIGNED) FROM information_schema.INNODB_TRX").await?;
        Ok(Present { connected, busy, at_ms: now_ms })
    }

    async fn one_text(&mut self, select: &'static str) -> Result<String, ErpError> {
        sqlx::query_scalar(select).fetch_one(&mut self.connection).await.map_err(failed)
    }
}

#[async_trait]
impl CaptureBackend for MariaDb {
    async fn schema(&mut self) -> Result<Schema, ErpError> {
        schema::read_schema(&mut self.connection).await
    }

    async fn columns_mark(&mut self) -> Result<Option<String>, ErpError> {
        let select = "SELECT CAST(CONCAT(COUNT(*), ' ', COALESCE(SUM(CRC32(CONCAT_WS(' ', TABLE_NAME, COLUMN_NAME, COLUMN_TYPE))), 0)) AS CHAR) \
            FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE()";
        self.one_text(select).await.map(Some)
    }

    fn parts(&self, plan: &CapturePlan) -> Vec<SchemaObject> {
        sql::parts(plan, &self.account)
    }

    async fn installed(&mut self) -> Result<BTreeMap<String, String>, ErpError> {
        schema::installed(&mut self.connection).await
    }

    async fn tables_of(&mut self, _: &[&str]) -> Result<BTreeMap<String, String>, ErpError> {
        schema::trigger_tables(&mut self.connection).await
    }

    fn drop_of(&self, name: &str) -> String {
        sql::drop_of(name)
    }

    async fn alter(&mut self, statement: &str, somebody_waits: bool) -> Result<(), ErpError> {
        let wait = if somebody_waits { LOCK_WAIT } else { NO_LOCK_WAIT };
        sqlx::raw_sql(wait).execute(&mut self.connection).await.map_err(failed)?;
        let run = sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut self.connection).await;
        sqlx::raw_sql(LOCK_WAIT).execute(&mut self.connection).await.map_err(failed)?;
        run.map(drop).map_err(failed)
    }

    async fn look(&mut self, limit: u32) -> Result<OutboxBatch, ErpError> {
        let select = format!("SELECT {NOW_MS} AS now_ms, EXISTS (SELECT 1 FROM {OUTBOX}) AS something");
        let row = sqlx::query(AssertSqlSafe(select)).fetch_one(&mut self.connection).await.map_err(failed)?;
        let mut look = OutboxBatch { rows: vec![], lost: 0, now_ms: row.try_get("now_ms").map_err(failed)? };
        if row.try_get::<i32, _>("something").map_err(failed)? == 0 {
            return Ok(look);
        }
        // Before reading rows: connections that are gone by then have committed all their rows.
        let present = self.present(look.now_ms).await?;
        // Qualified, to sort by the key: the bare name would be the computed number, and all rows would be sorted.
        let select = format!(
            "SELECT CAST(id AS SIGNED) AS id, mark, CAST(conn AS SIGNED) AS conn, {EPOCH} at) DIV 1000 AS at_ms, \
             source, op, columns, old_row, new_row, secrets, tx, origin FROM {OUTBOX} ORDER BY {OUTBOX}.id LIMIT {limit}"
        );
        let mut marks = vec![];
        for row in sqlx::query(AssertSqlSafe(select)).fetch_all(&mut self.connection).await.map_err(failed)? {
            let op: String = row.try_get("op").map_err(failed)?;
            let read = match op.starts_with([sql::LOST_MARK, sql::FULL_MARK]) {
                true => None,
                false => Some(outbox_row(&row, &present).map_err(failed)?).filter(OutboxRow::is_whole),
            };
            match read {
                Some(read) => look.rows.push(read),
                None => marks.push(Mark::read(&row, op.starts_with(sql::FULL_MARK)).map_err(failed)?),
            }
        }
        look.lost = marks.len() as u32;
        self.count_lost(marks).await?;
        Ok(look)
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

    async fn lost(&mut self) -> Result<Lost, ErpError> {
        let select = "SELECT CAST(COALESCE(SUM(IF(source = '*', 0, count)), 0) AS SIGNED) AS failed, \
            CAST(COALESCE(SUM(IF(source = '*', count, 0)), 0) AS SIGNED) AS dropped FROM gancho_lost";
        let row = sqlx::query(select).fetch_one(&mut self.connection).await.map_err(failed)?;
        let number = |name| row.try_get::<i64, _>(name).map(i64::unsigned_abs).map_err(failed);
        Ok(Lost { failed: number("failed")?, dropped: number("dropped")? })
    }

    async fn note_lost(&mut self, table: &str, count: u64) -> Result<(), ErpError> {
        let add = "INSERT INTO gancho_lost (source, count) VALUES (?, ?) ON DUPLICATE KEY UPDATE count = count + VALUES(count)";
        sqlx::query(add).bind(table).bind(count).execute(&mut self.connection).await.map(drop).map_err(failed)
    }

    async fn site(&mut self) -> Result<Site, ErpError> {
        let database = self.one_text("SELECT DATABASE()").await?;
        let server = self.one_text("SELECT CONCAT(@@hostname, ':', @@port)").await?;
        // Databases can't be renamed: one with another name was created, perhaps within the same second.
        let made = "SELECT CAST(CONCAT(COALESCE(MAX(UNIX_TIMESTAMP(CREATE_TIME)), 0), '@', HEX(DATABASE())) AS CHAR) FROM information_schema.TABLES \
            WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'gancho_lost'";
        Ok(Site { database, server, made: self.one_text(made).await? })
    }

    async fn set_up(&mut self) -> Result<Option<SetUp>, ErpError> {
        let select = "SELECT CAST(COALESCE(MAX(TABLE_COMMENT), '') AS CHAR) FROM information_schema.TABLES \
            WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'gancho_site'";
        Ok(sql::read_site(&self.one_text(select).await?))
    }

    async fn write_set_up(&mut self, set_up: &SetUp) -> Result<(), ErpError> {
        let now = sqlx::query_scalar("SELECT CAST(UNIX_TIMESTAMP() AS SIGNED)").fetch_one(&mut self.connection).await;
        self.alter(&sql::site(set_up, now.map_err(failed)?), true).await
    }

    async fn empty(&mut self) -> Result<u64, ErpError> {
        let delete = sqlx::raw_sql("DELETE FROM gancho_outbox").execute(&mut self.connection).await;
        delete.map(|done| done.rows_affected()).map_err(failed)
    }

    async fn records(
        &mut self,
        table: &CapturedTable,
        which: Option<(&str, &[String])>,
    ) -> Result<Vec<Record>, ErpError> {
        let (object, from) = (sql::object(table, "t"), quoted(&table.table, '`'));
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

    async fn records_after(
        &mut self,
        table: &CapturedTable,
        after: Option<&str>,
        since: Option<(&str, &str)>,
        limit: u32,
    ) -> Result<Vec<Record>, ErpError> {
        let (object, from, key) = (sql::object(table, "t"), quoted(&table.table, '`'), quoted(&table.key, '`'));
        let mut conditions = vec!["1".to_owned()];
        conditions.extend(after.map(|_| format!("t.{key} > ?")));
        conditions.extend(since.map(|(column, _)| format!("t.{} >= ?", quoted(column, '`'))));
        let condition = conditions.join(" AND ");
        let select = format!("SELECT {object} FROM {from} AS t WHERE {condition} ORDER BY t.{key} LIMIT {limit}");
        let mut query = sqlx::query_scalar::<_, String>(AssertSqlSafe(select));
        for value in after.into_iter().chain(since.map(|(_, day)| day)) {
            query = query.bind(value);
        }
        let rows = query.fetch_all(&mut self.connection).await.map_err(failed)?;
        rows.iter().map(|row| record(row).ok_or_else(|| ErpError::Failed("a row that can't be read".into()))).collect()
    }

    async fn facts(&mut self) -> Result<Vec<Finding>, ErpError> {
        let version = self.one_text("SELECT VERSION()").await?;
        let user = self.one_text("SELECT CURRENT_USER()").await?;
        let mut found = vec![Finding::good(
            "connection",
            Message::new("check-mariadb").with("version", version.as_str()).with("user", user),
        )];
        if !version.contains("MariaDB") {
            found.push(Finding::bad("engine", Message::new("check-mysql")));
        }
        let seen = match self.sees_all {
            true => Finding::good("PROCESS", Message::new("check-process")),
            false => Finding::good("PROCESS", Message::new("check-no-process")),
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

/// The key in `gancho_lost` for changes dropped because the outbox was full, of any table.
const FULL: &str = "*";

/// A marker in the outbox for a change that could not be written, or an unreadable row.
struct Mark {
    id: i64,
    table: String,
    /// Whether it was not written because the outbox was full.
    is_full: bool,
}

impl Mark {
    fn read(row: &MySqlRow, is_full: bool) -> Result<Self, sqlx::Error> {
        Ok(Self { id: row.try_get("id")?, table: row.try_get("source")?, is_full })
    }
}

/// The connections at a moment; empty if we may not see them.
#[derive(Default)]
struct Present {
    connected: HashSet<i64>,
    /// In a transaction.
    busy: HashSet<i64>,
    /// The moment by the database's clock; 0 if connections can't be seen.
    at_ms: i64,
}

fn outbox_row(row: &MySqlRow, present: &Present) -> Result<OutboxRow, sqlx::Error> {
    let op: String = row.try_get("op")?;
    let secrets: Option<String> = row.try_get("secrets")?;
    let connection: i64 = row.try_get("conn")?;
    let columns: Option<String> = row.try_get("columns")?;
    let columns: Vec<String> = columns.and_then(|names| serde_json::from_str(&names).ok()).unwrap_or_default();
    let values = |name| -> Result<Option<Record>, sqlx::Error> {
        let text: Option<String> = row.try_get(name)?;
        Ok(text.and_then(|text| named(&columns, &text)))
    };
    let at_ms: i64 = row.try_get("at_ms")?;
    Ok(OutboxRow {
        id: row.try_get("id")?,
        mark: row.try_get("mark")?,
        transaction: Transaction::parse(row.try_get::<Option<i64>, _>("tx")?.map(|tx| tx.to_string())),
        at_ms,
        table: row.try_get("source")?,
        operation: operation(&op),
        before: values("old_row")?,
        after: values("new_row")?,
        secrets: secrets.iter().flat_map(|names| names.split_whitespace()).map(ToOwned::to_owned).collect(),
        origin: read_origin(row.try_get::<Option<String>, _>("origin")?.as_deref()),
        busy: present.busy.contains(&connection),
        // A connection that wrote after that moment may have been opened after it.
        gone: at_ms < present.at_ms && !present.connected.contains(&connection),
    }
    .whole())
}

/// A row with separate names and values; there may be fewer values than names.
fn named(columns: &[String], values: &str) -> Option<Record> {
    let values: Vec<Value> = serde_json::from_str(values).ok()?;
    (values.len() <= columns.len()).then(|| columns.iter().cloned().zip(values).collect())
}

/// MariaDB's error codes: <https://mariadb.com/kb/en/mariadb-error-code-reference/>.
fn failed(error: sqlx::Error) -> ErpError {
    let sqlx::Error::Database(cause) = &error else {
        return ErpError::Unreachable(Obstacle::of_database(&error), error.to_string());
    };
    let message = cause.message().to_owned();
    match cause.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>().map(sqlx::mysql::MySqlDatabaseError::number) {
        Some(1205) => ErpError::Locked(message),
        Some(1044 | 1045 | 1142 | 1143 | 1227) => ErpError::Denied(message),
        Some(1419) => ErpError::Denied(
            "binary logging is on: ask the administrator for SET GLOBAL log_bin_trust_function_creators = 1, and for \
             log_bin_trust_function_creators = 1 below [mysqld] in the database's configuration, so that it outlasts a \
             restart"
                .into(),
        ),
        Some(1146 | 4091) => ErpError::Missing(message),
        _ => ErpError::Failed(message),
    }
}
