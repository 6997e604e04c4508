//! PostgreSQL: it notifies by NOTIFY; the outbox is also polled.

mod schema;
mod sql;

use std::collections::{BTreeMap, HashMap};

use async_trait::async_trait;
use gancho_model::{Message, Record};
use gancho_service::Finding;
use sqlx::{
    AssertSqlSafe, ConnectOptions, Row,
    postgres::{PgConnection, PgListener, PgPoolOptions, PgRow},
};

use super::{
    Address,
    backend::{CaptureBackend, ErpError, Lost, OutboxBatch, SchemaObject, operation, quoted, record},
    site::{SetUp, Site},
};
use crate::{
    capture::{CapturePlan, CapturedTable, Schema},
    grouping::{OutboxRow, Transaction, read_origin},
    obstacle::Obstacle,
};

/// Polling interval of a quiet outbox without notifications, milliseconds.
const IDLE_MS: u64 = 2_000;
/// Timeout for DDL that waits for the ERP's locks: meanwhile the ERP's statements queue behind it.
const LOCK_WAIT: &str = "SET lock_timeout = '300ms'";
/// 0 would wait forever.
const HARDLY_LOCK_WAIT: &str = "SET lock_timeout = '10ms'";

/// Identifies a connection: process ids are reused, but hardly ever with the same port.
const MARK: &str = "pid || '-' || coalesce(port, 0)";
/// The oldest version in which an INSERT trigger may reference `OLD`.
const OLDEST: i32 = 110_000;

pub(super) struct Postgres {
    connection: PgConnection,
    listener: PgListener,
    /// The schema in which the ERP's tables are.
    schema: String,
}

impl Postgres {
    pub async fn connect(address: &Address) -> Result<Self, ErpError> {
        let unreachable = |error: sqlx::Error| address.unreachable(&error);
        let options =
            address.postgres().map_err(|why| ErpError::Unreachable(Obstacle::Other, why))?.disable_statement_logging();
        let mut connection = options.connect().await.map_err(unreachable)?;
        // Notices, such as that there is no trigger to replace, look like errors in our log.
        let quiet = "SET client_min_messages = warning";
        for statement in ["SET default_transaction_isolation = 'read committed'", LOCK_WAIT, quiet] {
            sqlx::raw_sql(statement).execute(&mut connection).await.map_err(failed)?;
        }
        let select = "SELECT current_setting('server_version_num')::int AS number, current_setting('server_version') AS version, \
            current_schema()::text AS schema";
        let row = sqlx::query(select).fetch_one(&mut connection).await.map_err(failed)?;
        if row.try_get::<i32, _>("number").map_err(failed)? < OLDEST {
            let version: String = row.try_get("version").map_err(failed)?;
            return Err(ErpError::Failed(format!("PostgreSQL 11 or newer is needed; this is {version}")));
        }
        let schema: Option<String> = row.try_get("schema").map_err(failed)?;
        let schema = schema.ok_or_else(|| ErpError::Failed("no schema of the search_path exists".into()))?;
        let pool = PgPoolOptions::new().max_connections(1).connect_lazy_with(options);
        let mut listener = PgListener::connect_with(&pool).await.map_err(unreachable)?;
        listener.listen(sql::CHANNEL).await.map_err(failed)?;
        Ok(Self { connection, listener, schema })
    }

    fn at(&self, name: &str) -> String {
        format!("{}.{}", quoted(&self.schema, '"'), quoted(name, '"'))
    }

    async fn number(&mut self, select: String) -> Result<u64, ErpError> {
        let found: i64 =
            sqlx::query_scalar(AssertSqlSafe(select)).fetch_one(&mut self.connection).await.map_err(failed)?;
        Ok(found.unsigned_abs())
    }
}

#[async_trait]
impl CaptureBackend for Postgres {
    async fn schema(&mut self) -> Result<Schema, ErpError> {
        schema::read_schema(&mut self.connection, &self.schema).await
    }

    async fn columns_mark(&mut self) -> Result<Option<String>, ErpError> {
        Ok(None)
    }

    fn parts(&self, plan: &CapturePlan) -> Vec<SchemaObject> {
        sql::parts(plan, &self.schema)
    }

    async fn installed(&mut self) -> Result<BTreeMap<String, String>, ErpError> {
        schema::installed(&mut self.connection, &self.schema).await
    }

    /// Part of their names, since triggers are named per table here.
    async fn tables_of(&mut self, triggers: &[&str]) -> Result<BTreeMap<String, String>, ErpError> {
        let table = |name: &&str| Some(((*name).to_owned(), name.split_once(" ON ")?.1.to_owned()));
        Ok(triggers.iter().filter_map(table).collect())
    }

    fn drop_of(&self, name: &str) -> String {
        sql::drop_of(name, &self.schema)
    }

    async fn alter(&mut self, statement: &str, somebody_waits: bool) -> Result<(), ErpError> {
        let wait = if somebody_waits { LOCK_WAIT } else { HARDLY_LOCK_WAIT };
        sqlx::raw_sql(wait).execute(&mut self.connection).await.map_err(failed)?;
        // Statements sent together form one transaction.
        let run = sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut self.connection).await;
        sqlx::raw_sql(LOCK_WAIT).execute(&mut self.connection).await.map_err(failed)?;
        run.map(drop).map_err(failed)
    }

    async fn look(&mut self, limit: u32) -> Result<OutboxBatch, ErpError> {
        let outbox = self.at(super::OUTBOX);
        let now = "(extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now_ms";
        let select = format!("SELECT {now}, EXISTS (SELECT FROM {outbox}) AS something");
        let row = sqlx::query(AssertSqlSafe(select)).fetch_one(&mut self.connection).await.map_err(failed)?;
        let mut look = OutboxBatch { rows: vec![], lost: 0, now_ms: row.try_get("now_ms").map_err(failed)? };
        if !row.try_get::<bool, _>("something").map_err(failed)? {
            return Ok(look);
        }
        // Before reading rows: connections that are gone by then have committed all their rows. One that wrote after
        // that moment may have been opened after it.
        let present = sqlx::query_scalar("SELECT pid FROM pg_stat_activity");
        let present: Vec<i32> = present.fetch_all(&mut self.connection).await.map_err(failed)?;
        let select = format!(
            "SELECT id, {MARK} AS mark, tx, cmin::text::bigint AS command, \
             (extract(epoch FROM at) * 1000)::bigint AS at_ms, source, op, old_row::text, new_row::text, secrets, origin, \
             pid IN (SELECT pid FROM pg_locks WHERE locktype = 'transactionid' AND granted AND mode = 'ExclusiveLock') AS busy, \
             (extract(epoch FROM at) * 1000)::bigint < $1 AND NOT pid = ANY($2) AS gone FROM {outbox} ORDER BY id LIMIT {limit}",
        );
        let query = sqlx::query(AssertSqlSafe(select)).bind(look.now_ms).bind(present);
        let rows = query.fetch_all(&mut self.connection).await.map_err(failed)?;
        let read: Result<Vec<_>, sqlx::Error> = rows.iter().map(outbox_row).collect();
        let (whole, broken): (Vec<_>, Vec<_>) =
            in_order(read.map_err(failed)?).into_iter().partition(OutboxRow::is_whole);
        look.rows = whole;
        if !broken.is_empty() {
            self.note_lost("", broken.len() as u64).await?;
            self.remove(&broken.iter().map(|row| row.id).collect::<Vec<_>>()).await?;
        }
        look.lost = broken.len() as u32;
        Ok(look)
    }

    async fn remove(&mut self, ids: &[i64]) -> Result<(), ErpError> {
        let delete = format!("DELETE FROM {} WHERE id = ANY($1)", self.at(super::OUTBOX));
        let run = sqlx::query(AssertSqlSafe(delete)).bind(ids).execute(&mut self.connection).await;
        run.map(drop).map_err(failed)
    }

    async fn backlog(&mut self) -> Result<u64, ErpError> {
        self.number(format!("SELECT count(*) FROM {}", self.at(super::OUTBOX))).await
    }

    async fn lost(&mut self) -> Result<Lost, ErpError> {
        let select = "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM";
        let failed = self.number(format!("{select} {}", self.at(super::LOST))).await?;
        Ok(Lost { failed, dropped: self.number(format!("{select} {}", self.at(sql::DROPPED))).await? })
    }

    async fn note_lost(&mut self, _: &str, count: u64) -> Result<(), ErpError> {
        let lost = self.at(super::LOST);
        let set = "SELECT setval('{}', CASE WHEN is_called THEN last_value ELSE 0 END + {}) FROM";
        let set = set.replacen("{}", &lost.replace('\'', "''"), 1).replacen("{}", &count.to_string(), 1);
        self.number(format!("{set} {lost}")).await.map(drop)
    }

    async fn site(&mut self) -> Result<Site, ErpError> {
        // Any account may read the system identifier, unless an administrator revoked that.
        let may_ask = sqlx::query_scalar("SELECT has_function_privilege('pg_control_system()', 'EXECUTE')");
        let may_ask: bool = may_ask.fetch_one(&mut self.connection).await.map_err(failed)?;
        let server = match may_ask {
            true => "(SELECT system_identifier::text FROM pg_control_system())",
            false => "coalesce(inet_server_addr()::text, '') || ':' || coalesce(inet_server_port(), 0)",
        };
        let select = format!(
            "SELECT current_database() || '.' || $1 AS database, {server} AS server, coalesce(to_regclass($2)::oid::text, '') \
             || '@' || (SELECT oid FROM pg_database WHERE datname = current_database()) AS made"
        );
        let lost = self.at(super::LOST);
        let query = sqlx::query(AssertSqlSafe(select)).bind(&self.schema).bind(lost).fetch_one(&mut self.connection);
        let row = query.await.map_err(failed)?;
        let text = |name| row.try_get::<String, _>(name).map_err(failed);
        Ok(Site { database: text("database")?, server: text("server")?, made: text("made")? })
    }

    async fn set_up(&mut self) -> Result<Option<SetUp>, ErpError> {
        let at = self.at(super::SITE);
        let known = sqlx::query_scalar::<_, Option<String>>("SELECT to_regclass($1)::text").bind(&at);
        if known.fetch_one(&mut self.connection).await.map_err(failed)?.is_none() {
            return Ok(None);
        }
        let select = format!("SELECT source, database, server, made FROM {at}");
        let row = sqlx::query(AssertSqlSafe(select)).fetch_optional(&mut self.connection).await.map_err(failed)?;
        let Some(row) = row else { return Ok(None) };
        let text = |name| row.try_get::<String, _>(name).map_err(failed);
        let site = Site { database: text("database")?, server: text("server")?, made: text("made")? };
        Ok(Some(SetUp { source: text("source")?, site }))
    }

    async fn write_set_up(&mut self, set_up: &SetUp) -> Result<(), ErpError> {
        let at = self.at(super::SITE);
        let write = format!(
            "WITH old AS (DELETE FROM {at}) INSERT INTO {at} (source, database, server, made, seen) VALUES ($1, $2, $3, $4, now())"
        );
        let Site { database, server, made } = &set_up.site;
        let query = sqlx::query(AssertSqlSafe(write)).bind(&set_up.source).bind(database).bind(server).bind(made);
        query.execute(&mut self.connection).await.map(drop).map_err(failed)
    }

    async fn empty(&mut self) -> Result<u64, ErpError> {
        let delete = format!("DELETE FROM {}", self.at(super::OUTBOX));
        let done = sqlx::raw_sql(AssertSqlSafe(delete)).execute(&mut self.connection).await;
        done.map(|done| done.rows_affected()).map_err(failed)
    }

    async fn records(
        &mut self,
        table: &CapturedTable,
        which: Option<(&str, &[String])>,
    ) -> Result<Vec<Record>, ErpError> {
        let (condition, values) = match which {
            // Compared in its own type, so that its index is used.
            Some((column, values)) => {
                let kind = table.columns.iter().find(|(name, _)| name == column).map_or("text", |(_, kind)| kind);
                (format!("t.{} = ANY($2::text[]::{kind}[])", quoted(column, '"')), values)
            }
            None => ("$2::text[] IS NOT NULL".into(), &[][..]),
        };
        let select =
            format!("SELECT (to_jsonb(t) - $1::text[])::text FROM {} AS t WHERE {condition}", self.at(&table.table));
        let query = sqlx::query_scalar::<_, String>(AssertSqlSafe(select)).bind(&table.secrets).bind(values);
        let rows = query.fetch_all(&mut self.connection).await.map_err(failed)?;
        let unreadable = || ErpError::Failed("a row that can't be read".into());
        rows.iter().map(|row| record(row).ok_or_else(unreadable)).collect()
    }

    async fn records_after(
        &mut self,
        table: &CapturedTable,
        after: Option<&str>,
        since: Option<(&str, &str)>,
        limit: u32,
    ) -> Result<Vec<Record>, ErpError> {
        // Compared in its own type, so that its index is used.
        let kind = |column: &str| {
            table.columns.iter().find(|(name, _)| name == column).map_or("text", |(_, kind)| kind.as_str())
        };
        let key = quoted(&table.key, '"');
        let mut condition = "$2::text IS NOT DISTINCT FROM $2 AND $3::text IS NOT DISTINCT FROM $3".to_owned();
        if after.is_some() {
            condition.push_str(&format!(" AND t.{key} > $2::{}", kind(&table.key)));
        }
        if let Some((column, _)) = since {
            condition.push_str(&format!(" AND t.{} >= $3::{}", quoted(column, '"'), kind(column)));
        }
        let select = format!(
            "SELECT (to_jsonb(t) - $1::text[])::text FROM {} AS t WHERE {condition} ORDER BY t.{key} LIMIT {limit}",
            self.at(&table.table)
        );
        let query = sqlx::query_scalar::<_, String>(AssertSqlSafe(select));
        let query = query.bind(&table.secrets).bind(after).bind(since.map(|(_, day)| day));
        let rows = query.fetch_all(&mut self.connection).await.map_err(failed)?;
        let unreadable = || ErpError::Failed("a row that can't be read".into());
        rows.iter().map(|row| record(row).ok_or_else(unreadable)).collect()
    }

    async fn facts(&mut self) -> Result<Vec<Finding>, ErpError> {
        let select = "SELECT current_setting('server_version'), current_user::text";
        let (version, user): (String, String) =
            sqlx::query_as(select).fetch_one(&mut self.connection).await.map_err(failed)?;
        Ok(vec![Finding::good(
            "connection",
            Message::new("check-postgres")
                .with("version", version)
                .with("user", user)
                .with("schema", self.schema.as_str()),
        )])
    }

    async fn rung(&mut self) {
        // The listener reconnects by itself; the next batch shows missed rows.
        let _ = self.listener.recv().await;
        // Several notifications are answered by one batch.
        while self.listener.next_buffered().is_some() {}
    }

    fn idle_ms(&self) -> u64 {
        IDLE_MS
    }
}

/// Keys are clock times, and the clock may be set back during a change group; a connection's transaction and command
/// numbers only rise.
fn in_order(rows: Vec<((i64, i64), OutboxRow)>) -> Vec<OutboxRow> {
    let mut places: HashMap<String, Vec<usize>> = HashMap::new();
    for (place, (_, row)) in rows.iter().enumerate() {
        places.entry(row.mark.clone()).or_default().push(place);
    }
    let mut to = vec![0; rows.len()];
    for places in places.into_values() {
        let mut sorted = places.clone();
        sorted.sort_by_key(|place| rows[*place].0);
        sorted.into_iter().zip(places).for_each(|(from, place)| to[from] = place);
    }
    let mut rows: Vec<_> = to.into_iter().zip(rows).collect();
    rows.sort_by_key(|(place, _)| *place);
    rows.into_iter().map(|(_, (_, row))| row).collect()
}

/// With its transaction and command.
fn outbox_row(row: &PgRow) -> Result<((i64, i64), OutboxRow), sqlx::Error> {
    let json = |name| row.try_get::<Option<String>, _>(name).map(|text| text.and_then(|text| record(&text)));
    let op: String = row.try_get("op")?;
    let secrets: Option<String> = row.try_get("secrets")?;
    let transaction: i64 = row.try_get("tx")?;
    let outbox_row = OutboxRow {
        id: row.try_get("id")?,
        mark: row.try_get("mark")?,
        transaction: Transaction::Named(transaction.to_string()),
        at_ms: row.try_get("at_ms")?,
        table: row.try_get("source")?,
        operation: operation(&op),
        before: json("old_row")?,
        after: json("new_row")?,
        secrets: secrets.iter().flat_map(|names| names.split_whitespace()).map(ToOwned::to_owned).collect(),
        origin: read_origin(row.try_get::<Option<String>, _>("origin")?.as_deref()),
        busy: row.try_get("busy")?,
        gone: row.try_get("gone")?,
    };
    Ok(((transaction, row.try_get("command")?), outbox_row.whole()))
}

/// PostgreSQL's error codes: <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
fn failed(error: sqlx::Error) -> ErpError {
    let sqlx::Error::Database(cause) = &error else {
        return ErpError::Unreachable(Obstacle::of_database(&error), error.to_string());
    };
    let message = cause.message().to_owned();
    match cause.code().as_deref() {
        Some("55P03") => ErpError::Locked(message),
        Some("42501") => ErpError::Denied(message),
        Some("42P01" | "42883") => ErpError::Missing(message),
        Some(code) if code.starts_with("08") || code.starts_with("57P") => {
            ErpError::Unreachable(Obstacle::Other, message)
        }
        _ => ErpError::Failed(message),
    }
}
